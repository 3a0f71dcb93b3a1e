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
bool sums_are_finite(const Conv2dContext<T>& context, plan::Range channels, T* state) noexcept {
    const bool channels_last = context.problem.layout == Layout::nhwc;
    const std::int64_t chains = channels.size() * (channels_last ? 1 : kernels::DotKernels<T>::chains);
    return context.kernels.pack->copy(state, 0, 1, 1, chains, state, 0);
}

template <class T>
void add_sums(const Conv2dContext<T>& context, plan::Range channels, const T* state, T* total) noexcept {
    const std::int64_t size = channels.size();
    if (context.problem.layout == Layout::nhwc)
        context.kernels.pack->copy_out(state, size, 1, size, total, size, 1, kernels::Finish::add);
    else context.kernels.dot->join(state, size, total);
}

template <class T>
void add_bias_pass(const Conv2dContext<T>& context, const TensorView<const T>& grad_output, const plan::PixelBox& box,
                   plan::Range channels, T* state, T* total) noexcept {
    sum_pass(context, grad_output, box, channels, state);
    add_sums(context, channels, state, total);
}

namespace {

/// Some channels of a convolution group, and the segment group that is summed.
struct Part {
    std::int64_t group, segment_group, block;
};

/// Joins the partial sums of some channels as far as they are finished, and writes the total once it is.
template <class T>
void join_bias(const Conv2dContext<T>& context, const plan::Conv2dBiasPlan& plan, const Part& part, T* partials,
               const Arrivals& arrivals, WriteMode mode) {
    const plan::Range channels = plan.channel_block(context.problem, part.block);
    const std::int64_t size = channels.size();
    const auto counter = [&](std::int64_t segment_group) {
        return (part.group * plan.segment_groups + segment_group) * plan.channel_blocks + part.block;
    };
    const auto partial = [&](std::int64_t segment_group) {
        return partials + counter(segment_group) * plan.partial_elements();
    };
    const auto& pack = *context.kernels.pack;
    const auto add = [&](std::int64_t left, std::int64_t right) {
        add_stretch(pack, partial(right), size, partial(left));
    };
    if (!join_finished(arrivals, plan.segment_groups, part.segment_group, counter, add)) return;
    T* const to = context.arguments.grad_bias + part.group * context.problem.out_channels + channels.begin;
    pack.copy_out(partial(0), size, 1, size, to, size, 1, finish_of(mode));
}

}  // namespace

template <class T>
void bias_task(const Conv2dContext<T>& context, const plan::Conv2dBiasPlan& plan, std::int64_t task, T* partials,
               const Arrivals& arrivals, WriteMode mode, T* scratch) noexcept {
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
    if (context.ends(plan.segments, whole))
        join_bias(context, plan, {group, segment_group, block}, partials, arrivals, mode);
}

template void sum_pass<float>(const Conv2dContext<float>&, const TensorView<const float>&, const plan::PixelBox&,
                              plan::Range, float*) noexcept;
template void sum_pass<double>(const Conv2dContext<double>&, const TensorView<const double>&, const plan::PixelBox&,
                               plan::Range, double*) noexcept;
template bool sums_are_finite<float>(const Conv2dContext<float>&, plan::Range, float*) noexcept;
template bool sums_are_finite<double>(const Conv2dContext<double>&, plan::Range, double*) noexcept;
template void add_sums<float>(const Conv2dContext<float>&, plan::Range, const float*, float*) noexcept;
template void add_sums<double>(const Conv2dContext<double>&, plan::Range, const double*, double*) noexcept;
template void add_bias_pass<float>(const Conv2dContext<float>&, const TensorView<const float>&, const plan::PixelBox&,
                                   plan::Range, float*, float*) noexcept;
template void add_bias_pass<double>(const Conv2dContext<double>&, const TensorView<const double>&,
                                    const plan::PixelBox&, plan::Range, double*, double*) noexcept;

template void bias_task<float>(const Conv2dContext<float>&, const plan::Conv2dBiasPlan&, std::int64_t, float*,
                               const Arrivals&, WriteMode, float*) noexcept;
template void bias_task<double>(const Conv2dContext<double>&, const plan::Conv2dBiasPlan&, std::int64_t, double*,
                                const Arrivals&, WriteMode, double*) noexcept;

}  // namespace backgrad::ops
