#include "ops/conv2d_bias.hpp"

namespace backgrad::ops {

template <class T>
void sum_pass(const Conv2dContext<T>& context, const TensorView<const T>& grad_output, const plan::PixelBox& box,
              plan::Range channels, T* state) noexcept {
    const auto& pack = *context.kernels.pack;
    const bool channels_last = context.problem.layout == Layout::nhwc;
    const bool whole_rows = box.columns() * grad_output.pixel == grad_output.row;
    const std::int64_t steps = whole_rows ? 1 : box.rows();
    const std::int64_t pixels = whole_rows ? box.rows() * box.columns() : box.columns();
    pack.clear(state, channels_last ? channels.size() : bias_state_elements<T>(channels.size()));
    for (std::int64_t n = box.image_begin; n < box.image_end; ++n)
        for (std::int64_t y = 0; y < steps; ++y) {
            const T* from = grad_output.at(n, channels.begin, box.row_begin + y, box.column_begin);
            if (channels_last) pack.sum_columns(from, grad_output.pixel, pixels, channels.size(), state);
            else pack.sum_rows(from, grad_output.channel, channels.size(), pixels, state);
        }
}

template <class T>
void add_bias_pass(const Conv2dContext<T>& context, const TensorView<const T>& grad_output, const plan::PixelBox& box,
                   plan::Range channels, T* state, T* total) noexcept {
    const std::int64_t size = channels.size();
    sum_pass(context, grad_output, box, channels, state);
    if (context.problem.layout == Layout::nhwc)
        context.kernels.pack->copy_out(state, size, 1, size, total, size, 1, kernels::Finish::add);
    else context.kernels.dot->join(state, size, total);
}

template <class T>
void bias_task(const Conv2dContext<T>& context, const plan::Conv2dBiasPlan& plan, std::int64_t task, T* partials,
               T* scratch) noexcept {
    const std::int64_t block = task % plan.channel_blocks,
                       segment_group = task / plan.channel_blocks % plan.segment_groups;
    const std::int64_t group = task / plan.channel_blocks / plan.segment_groups;
    const plan::Range channels = plan.channel_block(context.problem, block);
    T* total = partials + task * plan.partial_elements();
    const plan::Range whole = plan.segment_group(segment_group), segments = context.segments(plan.segments, whole);
    if (segments.begin == whole.begin) context.kernels.pack->clear(total, channels.size());
    for (std::int64_t s = segments.begin; s < segments.end; ++s)
        plan.passes.for_each(context.box(plan.segments, s), [&](const plan::PixelBox& pass) {
            add_bias_pass(context, context.grad_output(group), pass, channels, scratch, total);
        });
}

template <class T>
void bias_join_task(const Conv2dContext<T>& context, const plan::Conv2dBiasPlan& plan, std::int64_t task, T* partials,
                    WriteMode mode) noexcept {
    const std::int64_t block = task % plan.channel_blocks, group = task / plan.channel_blocks;
    const plan::Range channels = plan.channel_block(context.problem, block);
    const auto partial = [&](std::int64_t segment_group) {
        return partials +
               ((group * plan.segment_groups + segment_group) * plan.channel_blocks + block) * plan.partial_elements();
    };
    join_partials(*context.kernels.pack, plan.segment_groups, {0, channels.size()}, partial);
    context.kernels.pack->copy_out(partial(0), channels.size(), 1, channels.size(),
                                   context.arguments.grad_bias + group * context.problem.out_channels + channels.begin,
                                   channels.size(), 1, finish_of(mode));
}

template void sum_pass<float>(const Conv2dContext<float>&, const TensorView<const float>&, const plan::PixelBox&,
                              plan::Range, float*) noexcept;
template void sum_pass<double>(const Conv2dContext<double>&, const TensorView<const double>&, const plan::PixelBox&,
                               plan::Range, double*) noexcept;
template void add_bias_pass<float>(const Conv2dContext<float>&, const TensorView<const float>&, const plan::PixelBox&,
                                   plan::Range, float*, float*) noexcept;
template void add_bias_pass<double>(const Conv2dContext<double>&, const TensorView<const double>&,
                                    const plan::PixelBox&, plan::Range, double*, double*) noexcept;

template void bias_task<float>(const Conv2dContext<float>&, const plan::Conv2dBiasPlan&, std::int64_t, float*,
                               float*) noexcept;
template void bias_task<double>(const Conv2dContext<double>&, const plan::Conv2dBiasPlan&, std::int64_t, double*,
                                double*) noexcept;
template void bias_join_task<float>(const Conv2dContext<float>&, const plan::Conv2dBiasPlan&, std::int64_t, float*,
                                    WriteMode) noexcept;
template void bias_join_task<double>(const Conv2dContext<double>&, const plan::Conv2dBiasPlan&, std::int64_t, double*,
                                     WriteMode) noexcept;

}  // namespace backgrad::ops
