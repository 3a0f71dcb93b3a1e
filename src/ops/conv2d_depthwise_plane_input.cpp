#include "ops/conv2d_depthwise_plane_input.hpp"

#include "threads/cache.hpp"

#include <algorithm>

namespace backgrad::ops {

namespace {

template <class T>
const auto& functions(const Conv2dContext<T>& context) {
    const plan::Conv2dProblem& p = context.problem;
    return context.kernels.depthwise->plane_input
        ->function[p.stride_width - 1][p.kernel_height / 2][p.kernel_width / 2];
}

template <class T>
kernels::DepthwisePlaneInput<T> make_work(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan,
                                          const plan::DepthwiseStrip& strip,
                                          const plan::DepthwisePlaneInputColumns& block) {
    const plan::Conv2dProblem& p = context.problem;
    const std::int64_t column = block.columns.begin * p.stride_width;
    const std::int64_t count = std::min(block.columns.end * p.stride_width, p.in_width) - column;
    const std::int64_t lanes = static_cast<std::int64_t>(64 / sizeof(T));
    const TensorView<const T> grad_output = context.grad_output(0);
    const TensorView<T> grad_input = context.grad_input(0);
    kernels::DepthwisePlaneInput<T> work{grad_output.at(strip.image, 0, 0, block.origin),
                                         grad_output.row,
                                         p.out_height,
                                         nullptr,
                                         plan.unit_channels,
                                         grad_input.at(strip.image, 0, strip.target_rows.begin, column),
                                         grad_input.row,
                                         strip.target_rows.begin / p.stride_height,
                                         strip.target_rows.size(),
                                         static_cast<std::int32_t>(block.columns.begin - block.origin),
                                         static_cast<std::int32_t>(std::min(lanes, p.out_width - block.origin)),
                                         static_cast<std::int32_t>(count),
                                         {},
                                         false,
                                         grad_output.channel};
    std::copy(block.exists.begin(), block.exists.end(), work.exists);
    return work;
}

}  // namespace

template <class T>
bool has_plane_input(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan) noexcept {
    if (plan.input_planes.empty() || functions(context)[0] == nullptr) return false;
    // What comes from memory panels bring better, and from a last cache that is nearly full, too, where planes pass in
    // many blocks of columns.
    const bool few_blocks = plan.input_planes.size() <= 2;
    const std::int64_t cache = threads::last_level_cache_bytes();
    return context.tensor_bytes() <= (few_blocks ? cache : cache / 2);
}

template <class T>
void compute_plane_input(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan,
                         const plan::DepthwiseStrip& strip, const plan::Range& channels, const T* weights,
                         WriteMode mode) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const auto& function = functions(context);
    const std::int64_t lanes = static_cast<std::int64_t>(64 / sizeof(T));
    // So many planes must follow one whose rows are read a vector beyond their ends.
    const std::int64_t spare = plan::ceil_div(lanes, p.pixels_out());
    // Blocks of columns share cache lines: they pass over a few planes at a time, which stay in the L2 cache.
    constexpr std::int64_t near_bytes = 128 * 1024;
    const std::int64_t plane_bytes = (p.pixels_in() + p.pixels_out()) * static_cast<std::int64_t>(sizeof(T));
    const std::int64_t together = std::max<std::int64_t>(1, near_bytes / plane_bytes);
    for (std::int64_t begin = channels.begin; begin < channels.end; begin += together)
        for (const plan::DepthwisePlaneInputColumns& block : plan.input_planes) {
            const kernels::DepthwisePlaneInput<T> first = make_work(context, plan, strip, block);
            for (std::int64_t c = begin; c < std::min(channels.end, begin + together); ++c) {
                kernels::DepthwisePlaneInput<T> work = first;
                work.grad_output += c * p.pixels_out();
                work.output += c * p.pixels_in();
                work.weights = weights + (c - channels.begin);
                work.accumulate = mode == WriteMode::accumulate;
                const bool guarded = strip.image * p.groups + c + spare >= p.batch * p.groups;
                function[guarded](work);
            }
        }
}

template bool has_plane_input<float>(const Conv2dContext<float>&, const plan::Conv2dDepthwisePlan&) noexcept;
template bool has_plane_input<double>(const Conv2dContext<double>&, const plan::Conv2dDepthwisePlan&) noexcept;
template void compute_plane_input<float>(const Conv2dContext<float>&, const plan::Conv2dDepthwisePlan&,
                                         const plan::DepthwiseStrip&, const plan::Range&, const float*,
                                         WriteMode) noexcept;
template void compute_plane_input<double>(const Conv2dContext<double>&, const plan::Conv2dDepthwisePlan&,
                                          const plan::DepthwiseStrip&, const plan::Range&, const double*,
                                          WriteMode) noexcept;

}  // namespace backgrad::ops
