#include "ops/conv2d_weight_pixels.hpp"

#include "ops/conv2d_bias.hpp"
#include "ops/conv2d_pixel_sums.hpp"

#include <algorithm>
#include <utility>

namespace backgrad::ops {

namespace {

using plan::PixelBox;
using plan::Range;

/// Lists what follows a pass in memory, mostly the next pass: as many rows, or the next images. What tiles read in
/// place the hardware fetches.
template <class T>
void prefetch_following(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan, std::int64_t group,
                        Range channels, const PixelBox& box, PrefetchList<T>& list) {
    const plan::Conv2dProblem& p = context.problem;
    const TensorView<const T> grad_output = context.grad_output(group), input = context.input(group);
    list.clear();
    const bool same_image = box.row_end < p.out_height;
    const std::int64_t begin = same_image ? box.row_end : 0, rows = std::min(box.rows(), p.out_height - begin);
    const std::int64_t image = same_image ? box.image_begin : box.image_end;
    // The kernel's reach into the next rows has been read by this pass.
    const std::int64_t first = same_image ? p.input_row(begin - 1, p.kernel_height - 1) + 1 : 0;
    const Range input_rows{
        std::clamp<std::int64_t>(first, 0, p.in_height),
        std::clamp<std::int64_t>(p.input_row(begin + rows - 1, p.kernel_height - 1) + 1, 0, p.in_height)};
    for (std::int64_t n = image; n < std::min(p.batch, image + box.images()); ++n) {
        if (!plan.reads_grad_output_in_place())
            list.add(grad_output, grad_output.at(n, channels.begin, begin, 0), channels.size(), rows * p.out_width);
        if (input_rows.size() > 0)
            list.add(input, input.at(n, 0, input_rows.begin, 0), p.in_channels, input_rows.size() * p.in_width);
    }
}

}  // namespace

template <class T>
void weight_pixels_task(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan,
                        const plan::Conv2dWeightPlan::Block& block, T* total, T* bias, Scratch<T> scratch) noexcept {
    const auto& pack = *context.kernels.pack;
    const TensorView<const T> grad_output = context.grad_output(block.group);
    const Range channels = plan.row_block(block.rows), whole = plan.segment_group(block.segment_group);
    const Range segments = context.segments(plan.segments, whole);
    if (segments.begin == whole.begin) {
        pack.clear(total, channels.size() * context.problem.in_channels * context.problem.taps());
        if (bias) pack.clear(bias, channels.size());
    }
    if (segments.size() == 0) return;
    PixelSums<T> sums(context, plan, block.group, channels, scratch);
    T* bias_state = scratch.take(bias ? bias_state_elements<T>(channels.size()) : 0);
    PrefetchList<T> prefetch;
    for (std::int64_t s = segments.begin; s < segments.end; ++s) {
        const PixelBox segment = context.box(plan.segments, s);
        FetchAhead ahead = context.ahead.part(s - segments.begin, segments.size());
        sums.clear();
        plan.passes.for_each(segment, [&](const PixelBox& pass) {
            sums.bring(pass);
            if (bias) add_bias_pass(context, grad_output, pass, channels, bias_state, bias);
            prefetch_following(context, plan, block.group, channels, pass, prefetch);
            prefetch.add(std::exchange(ahead, {}));
            sums.add(prefetch);
        });
        if (!sums.finite()) {
            sums.clear();
            plan.passes.for_each(segment, [&](const PixelBox& pass) {
                sums.bring(pass);
                sums.add_valid();
            });
        }
        sums.join_into(total);
    }
}

template void weight_pixels_task<float>(const Conv2dContext<float>&, const plan::Conv2dWeightPlan&,
                                        const plan::Conv2dWeightPlan::Block&, float*, float*, Scratch<float>) noexcept;
template void weight_pixels_task<double>(const Conv2dContext<double>&, const plan::Conv2dWeightPlan&,
                                         const plan::Conv2dWeightPlan::Block&, double*, double*,
                                         Scratch<double>) noexcept;

}  // namespace backgrad::ops
