#include "ops/conv2d_input_pointwise.hpp"

#include "ops/conv2d_prefetch.hpp"
#include "ops/conv2d_strips.hpp"

#include <algorithm>

namespace backgrad::ops {

namespace {

using plan::Conv2dInputPlan;
using plan::ImagePixels;
using plan::Range;

/// The elements of grad_input, counted through an image, from the first to the last of some pixels' rows of cells.
Range cell_elements(const plan::Conv2dProblem& p, Range pixels) {
    if (p.out_height == 1 && p.stride_width == 1) return pixels;
    const std::int64_t begin = pixels.begin / p.out_width, end = plan::ceil_div(pixels.end, p.out_width);
    return {begin * p.stride_height * p.in_width, std::min(p.in_height, end * p.stride_height) * p.in_width};
}

/// Moves finished sums of some input channels to grad_input.
template <class T>
void unpack(const Conv2dContext<T>& context, const TensorView<T>& grad_input, Range strip, Range channels,
            const StripTarget<T>& sums, kernels::Finish finish) {
    const plan::Conv2dProblem& p = context.problem;
    const kernels::PackKernels<T>& pack = *context.kernels.pack;
    for_each_image(strip, p.pixels_out(), [&](const ImagePixels& some, std::int64_t before) {
        const T* from = sums.data + channels.begin * sums.channel + before;
        T* image = grad_input.at(some.image, channels.begin, 0, 0);
        const std::int64_t first = some.pixels.begin, pixels = some.pixels.size();
        if (p.strided())
            pack.spread(from, sums.channel, channels.size(), first, pixels,
                        {image, grad_input.channel, grad_input.row, p.in_height, p.in_width, p.stride_height,
                         p.stride_width, p.out_width},
                        finish);
        else pack.copy_out(from, sums.channel, channels.size(), pixels, image + first, grad_input.channel, 1, finish);
    });
}

/// Whether register tiles write a strip past the caches: whole lines of every plane.
template <class T>
bool streams(const Conv2dInputPlan& plan, const TensorView<T>& grad_input, Range strip, WriteMode mode) {
    constexpr std::int64_t line = line_elements<T>;
    return !plan.staged && may_stream(plan.streaming, grad_input, mode) && strip.begin % line == 0 &&
           strip.end % line == 0;
}

/// Lists what a strip reads, and writes unless `streaming`.
template <class T>
void prefetch_strip(const plan::Conv2dProblem& p, const TensorView<const T>& grad_output,
                    const TensorView<const T>& grad_input, Range strip, bool streaming, PrefetchList<T>& list) {
    for_each_image(strip, p.pixels_out(), [&](const ImagePixels& some, std::int64_t) {
        const Range cells = cell_elements(p, some.pixels);
        list.add(grad_output, grad_output.at(some.image, 0, 0, some.pixels.begin), p.out_channels, some.pixels.size());
        if (!streaming) list.add(grad_input, grad_input.at(some.image, 0, 0, cells.begin), p.in_channels, cells.size());
    });
}

}  // namespace

template <class T>
void input_pointwise_task(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t group,
                          Range blocks, Range tiles, const T* weights, WriteMode mode, Scratch<T> scratch) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const std::int64_t present = plan.blocks_of(p);
    const kernels::Finish finish = finish_of(mode);
    const TensorView<const T> grad_output = context.grad_output(group);
    const TensorView<T> grad_input = context.grad_input(group);
    const StripSums<T> sums(p, plan, context.kernels, grad_output, weights, scratch);
    PrefetchList<T> prefetch;
    Range next = plan::pixel_strip(p, plan, blocks.begin);
    for (std::int64_t s = blocks.begin; s < blocks.end; ++s) {
        const Range strip = next;
        prefetch.clear();
        prefetch.add(context.ahead.part(s - blocks.begin, blocks.size()));
        if (s + 1 < present) {
            next = plan::pixel_strip(p, plan, s + 1);
            const bool next_streams = streams(plan, grad_input, next, mode);
            prefetch_strip(p, grad_output, read_only(grad_input), next, next_streams, prefetch);
        }
        if (plan.staged) {
            const StripTarget<T> staging = sums.staging(strip.size());
            sums.compute(strip, tiles, staging, prefetch.queue(),
                         [&](Range channels) { unpack(context, grad_input, strip, channels, staging, finish); });
        } else {
            const ImagePixels only = plan::first_image(strip, p.pixels_out());
            T* to = grad_input.at(only.image, 0, 0, only.pixels.begin);
            sums.compute(strip, tiles, {to, grad_input.channel, finish, streams(plan, grad_input, strip, mode)},
                         prefetch.queue(), [](Range) {});
        }
    }
    if (plan.streaming) context.kernels.tile->fence();
}

template void input_pointwise_task<float>(const Conv2dContext<float>&, const Conv2dInputPlan&, std::int64_t, Range,
                                          Range, const float*, WriteMode, Scratch<float>) noexcept;
template void input_pointwise_task<double>(const Conv2dContext<double>&, const Conv2dInputPlan&, std::int64_t, Range,
                                           Range, const double*, WriteMode, Scratch<double>) noexcept;

}  // namespace backgrad::ops
