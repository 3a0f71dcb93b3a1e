#include "ops/conv2d_depthwise_parts.hpp"

#include <algorithm>
#include <cmath>

namespace backgrad::ops {

namespace {

using kernels::DepthwiseTileKernels;
using plan::DepthwiseTaps;
using plan::Range;

/// Where a weight is not finite, zero padding would turn it into NaN: only the terms that exist, one by one.
template <class T>
void compute_exactly(const plan::Conv2dProblem& p, const DepthwiseRows<const T>& grad_output, const T* weights,
                     const DepthwiseRows<T>& grad_input) {
    const Range rows = grad_input.rows;
    const std::int64_t lanes = grad_input.pixel;
    for (std::int64_t y = rows.begin; y < rows.end; ++y)
        for (std::int64_t x = 0; x < p.in_width; ++x)
            for (std::int64_t l = 0; l < lanes; ++l) {
                T sum = 0;
                for (std::int64_t tap = 0; tap < p.taps(); ++tap) {
                    const std::int64_t up = y + p.padding_top - tap / p.kernel_width * p.dilation_height;
                    const std::int64_t left = x + p.padding_left - tap % p.kernel_width * p.dilation_width;
                    if (up < 0 || up % p.stride_height != 0 || up / p.stride_height >= p.out_height) continue;
                    if (left < 0 || left % p.stride_width != 0 || left / p.stride_width >= p.out_width) continue;
                    const T* g = grad_output.at(up / p.stride_height, left / p.stride_width);
                    sum = std::fma(weights[tap * lanes + l], g[l], sum);
                }
                grad_input.at(y, x)[l] = sum;
            }
}

/// One class of rows and one class of columns: their pixels see the same taps.
template <class T>
struct ClassWork {
    const Conv2dContext<T>& context;
    kernels::DepthwiseTiles<T> tiles;  ///< for all columns
    plan::DepthwiseTile tile;
    std::int64_t rows, columns;

    /// Tiles of pixels as equal as can be; those that look beyond the image are border tiles.
    void run() const {
        const auto& table = *context.kernels.depthwise->tile;
        const std::int64_t blocks = plan::ceil_div(columns, tile.pixels);
        for (std::int64_t i = 0; i < blocks; ++i) {
            const Range part = plan::share(columns, blocks, i);
            const std::int64_t first = tiles.columns.first + part.begin;
            const std::int64_t reach = (tiles.kernel_columns - 1) * tiles.columns.tap;
            const bool inner = first + reach >= 0 && first + part.size() <= tiles.columns.size;
            run_rows(inner ? table.inner : table.border, part);
        }
    }

private:
    using Functions = typename DepthwiseTileKernels<T>::Function[DepthwiseTileKernels<T>::max_rows + 1]
                                                                [DepthwiseTileKernels<T>::max_pixels + 1];

    /// Tiles of rows as equal as can be: first those with a row more.
    void run_rows(const Functions& functions, Range part) const {
        const std::int64_t count = plan::ceil_div(rows, tile.rows), tall = plan::ceil_div(rows, count);
        kernels::DepthwiseTiles<T> work = tiles;
        work.columns.first += part.begin;
        work.output += part.begin * tiles.output_pixel;
        work.tiles = rows - count * (tall - 1);
        functions[tall][part.size()](work);
        if (work.tiles == count) return;
        const std::int64_t done = work.tiles * tall;
        work.first_row += done * tiles.row_step;
        work.output += done * tiles.output_row;
        work.tiles = count - work.tiles;
        functions[tall - 1][part.size()](work);
    }
};

}  // namespace

template <class T>
bool pack_depthwise_weight(const Conv2dContext<T>& context, Range channels, std::int64_t lanes, T* to) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const std::int64_t taps = p.taps();
    const T* from = context.arguments.weight + channels.begin * taps;
    // A rotated kernel is the adjoint of the kernel read backwards.
    if (p.rotated_kernel)
        return context.kernels.pack->transpose(from, taps, channels.size(), taps, to + (taps - 1) * lanes, -lanes);
    return context.kernels.pack->transpose(from, taps, channels.size(), taps, to, lanes);
}

template <class T>
void compute_depthwise_input(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan,
                             const DepthwiseRows<const T>& grad_output, const T* weights, bool finite,
                             const DepthwiseRows<T>& grad_input) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    if (!finite) return compute_exactly(p, grad_output, weights, grad_input);
    const Range rows = grad_input.rows;
    const std::int64_t lanes = grad_input.pixel;
    const std::int64_t row_step = plan.rows.class_step;
    for (std::int64_t y = 0; y < std::min(row_step, rows.size()); ++y) {
        const std::int64_t at = rows.begin + y;
        const DepthwiseTaps& up = plan.rows.taps(at);
        for (std::int64_t x = 0; x < std::min(p.stride_width, p.in_width); ++x) {
            const DepthwiseTaps& left = plan.columns.taps(x);
            // Pixels without a tap are sums of no terms.
            const bool empty = up.count == 0 || left.count == 0;
            const ClassWork<T> work{context,
                                    {grad_output.data,
                                     grad_output.row,
                                     grad_output.rows.size(),
                                     plan.rows.output(at) - grad_output.rows.begin,
                                     up.output_step,
                                     {grad_output.pixel, p.out_width, plan.columns.output(x), 1, -left.output_step},
                                     weights + (up.first * p.kernel_width + left.first) * lanes,
                                     up.tap_step * p.kernel_width * lanes,
                                     left.tap_step * lanes,
                                     empty ? 1 : up.count,
                                     empty ? 0 : left.count,
                                     grad_input.at(at, x),
                                     row_step * grad_input.row,
                                     p.stride_width * grad_input.pixel,
                                     0},
                                    plan.tiles[static_cast<std::size_t>((at + p.padding_top) % p.stride_height)],
                                    plan::ceil_div(rows.size() - y, row_step),
                                    plan::ceil_div(p.in_width - x, p.stride_width)};
            work.run();
        }
    }
}

template bool pack_depthwise_weight<float>(const Conv2dContext<float>&, Range, std::int64_t, float*) noexcept;
template bool pack_depthwise_weight<double>(const Conv2dContext<double>&, Range, std::int64_t, double*) noexcept;
template void compute_depthwise_input<float>(const Conv2dContext<float>&, const plan::Conv2dDepthwisePlan&,
                                             const DepthwiseRows<const float>&, const float*, bool,
                                             const DepthwiseRows<float>&) noexcept;
template void compute_depthwise_input<double>(const Conv2dContext<double>&, const plan::Conv2dDepthwisePlan&,
                                              const DepthwiseRows<const double>&, const double*, bool,
                                              const DepthwiseRows<double>&) noexcept;

}  // namespace backgrad::ops
