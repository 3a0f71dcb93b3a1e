#include "ops/conv2d_depthwise_plane_input.hpp"

#include <algorithm>

namespace backgrad::ops {

namespace {

template <class T>
const auto& functions(const Conv2dContext<T>& context) {
    const plan::Conv2dProblem& p = context.problem;
    return context.kernels.depthwise->plane_input
        ->function[p.stride_width - 1][p.kernel_height / 2][p.kernel_width / 2];
}

/// Some rows of some planes.
struct PlaneRows {
    plan::Range channels, rows;
};

/// The grad_input of a strip's planes.
template <class T>
struct PlaneInput {
    const Conv2dContext<T>& context;
    const plan::Conv2dDepthwisePlan& plan;
    std::int64_t image;
    std::int64_t first_channel;  ///< that of `weights`
    const T* weights;
    bool accumulate;

    /// Block of columns by block, to planes at `to`.
    void compute(const PlaneRows& part, T* to) const {
        const plan::Conv2dProblem& p = context.problem;
        // So many planes must follow one whose rows are read a vector beyond their ends.
        const std::int64_t spare = plan::ceil_div(line_elements<T>, p.pixels_out());
        for (const plan::DepthwisePlaneInputColumns& block : plan.input_planes) {
            const kernels::DepthwisePlaneInput<T> first = make_work(block, part, to);
            for (std::int64_t c = part.channels.begin; c < part.channels.end; ++c) {
                kernels::DepthwisePlaneInput<T> work = first;
                work.grad_output += c * p.pixels_out();
                work.output += (c - part.channels.begin) * p.pixels_in();
                work.weights = weights + (c - first_channel);
                const bool guarded = image * p.groups + c + spare >= p.batch * p.groups;
                functions(context)[guarded](work);
            }
        }
    }

    /// Likewise by way of `stage`, from where whole lines of grad_input go past the caches.
    void compute_staged(const PlaneRows& part, T* stage) const {
        const plan::Conv2dProblem& p = context.problem;
        T* const to = context.grad_input(0).at(image, part.channels.begin, part.rows.begin, 0);
        T* const from = stage + reinterpret_cast<std::uintptr_t>(to) % 64 / sizeof(T);
        compute(part, from);
        context.kernels.depthwise->plane_input->stream(from, part.channels.size() * part.rows.size() * p.in_width, to);
    }

private:
    kernels::DepthwisePlaneInput<T> make_work(const plan::DepthwisePlaneInputColumns& block, const PlaneRows& part,
                                              T* to) const {
        const plan::Conv2dProblem& p = context.problem;
        const std::int64_t column = block.columns.begin * p.stride_width;
        const std::int64_t count = std::min(block.columns.end * p.stride_width, p.in_width) - column;
        const TensorView<const T> grad_output = context.grad_output(0);
        kernels::DepthwisePlaneInput<T> work{
            grad_output.at(image, 0, 0, block.origin),
            grad_output.row,
            p.out_height,
            nullptr,
            plan.unit_channels,
            to + column,
            p.in_width,
            part.rows.begin / p.stride_height,
            part.rows.size(),
            static_cast<std::int32_t>(block.columns.begin - block.origin),
            static_cast<std::int32_t>(std::min(line_elements<T>, p.out_width - block.origin)),
            static_cast<std::int32_t>(count),
            {},
            accumulate,
            grad_output.channel};
        std::copy(block.exists.begin(), block.exists.end(), work.exists);
        return work;
    }
};

/// Calls f for parts of at most so many elements, if a row has no more: whole planes, or rows of one.
template <class F>
void for_each_part(const plan::Conv2dProblem& p, const PlaneRows& all, std::int64_t elements, F f) {
    const std::int64_t plane = all.rows.size() * p.in_width;
    const bool joined = all.rows.size() == p.in_height;  // planes follow each other without a gap
    const std::int64_t channels = joined ? std::max<std::int64_t>(1, elements / std::max<std::int64_t>(1, plane)) : 1;
    const std::int64_t most = std::max<std::int64_t>(1, elements / (p.in_width * p.stride_height)) * p.stride_height;
    const std::int64_t rows = channels > 1 ? all.rows.size() : most;
    for (std::int64_t c = all.channels.begin; c < all.channels.end; c += channels)
        for (std::int64_t y = all.rows.begin; y < all.rows.end; y += rows)
            f(PlaneRows{{c, std::min(c + channels, all.channels.end)}, {y, std::min(y + rows, all.rows.end)}});
}

}  // namespace

template <class T>
bool has_plane_input(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan) noexcept {
    return !plan.input_planes.empty() && functions(context)[0] != nullptr;
}

template <class T>
void compute_plane_input(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan,
                         const plan::DepthwiseStrip& strip, const plan::Range& channels, const T* weights,
                         WriteMode mode, T* stage) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const PlaneInput<T> input{context, plan, strip.image, channels.begin, weights, mode == WriteMode::accumulate};
    const PlaneRows all{channels, strip.target_rows};
    if (plan.streaming && mode == WriteMode::overwrite)
        return for_each_part(p, all, plan.stage_elements - line_elements<T>,
                             [&](const PlaneRows& part) { input.compute_staged(part, stage); });
    // Blocks of columns share cache lines: they pass over a few planes at a time, which stay in the L2 cache.
    constexpr std::int64_t near_bytes = 128 * 1024;
    const std::int64_t plane_bytes = (p.pixels_in() + p.pixels_out()) * static_cast<std::int64_t>(sizeof(T));
    const std::int64_t together = std::max<std::int64_t>(1, near_bytes / plane_bytes);
    for (std::int64_t c = channels.begin; c < channels.end; c += together)
        input.compute({{c, std::min(c + together, channels.end)}, strip.target_rows},
                      context.grad_input(0).at(strip.image, c, strip.target_rows.begin, 0));
}

template bool has_plane_input<float>(const Conv2dContext<float>&, const plan::Conv2dDepthwisePlan&) noexcept;
template bool has_plane_input<double>(const Conv2dContext<double>&, const plan::Conv2dDepthwisePlan&) noexcept;
template void compute_plane_input<float>(const Conv2dContext<float>&, const plan::Conv2dDepthwisePlan&,
                                         const plan::DepthwiseStrip&, const plan::Range&, const float*, WriteMode,
                                         float*) noexcept;
template void compute_plane_input<double>(const Conv2dContext<double>&, const plan::Conv2dDepthwisePlan&,
                                          const plan::DepthwiseStrip&, const plan::Range&, const double*, WriteMode,
                                          double*) noexcept;

}  // namespace backgrad::ops
