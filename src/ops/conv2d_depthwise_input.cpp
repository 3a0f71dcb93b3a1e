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
struct ExactSums {
    const plan::Conv2dProblem& p;
    const plan::Conv2dDepthwisePlan& plan;
    const DepthwiseRows<const T>& grad_output;
    const T* weights;

    void compute(const DepthwiseRows<T>& grad_input) const {
        for (std::int64_t y = grad_input.rows.begin; y < grad_input.rows.end; ++y)
            for (std::int64_t x = 0; x < p.in_width; ++x)
                for (std::int64_t l = 0; l < plan.unit_channels; ++l) grad_input.at(y, x)[l] = sum_of(y, x, l);
    }

private:
    T sum_of(std::int64_t y, std::int64_t x, std::int64_t lane) const {
        T sum = 0;
        for (std::int64_t r = 0; r < p.kernel_height; ++r) {
            const std::int64_t up = y + p.padding_top - r * p.dilation_height;
            if (up < 0 || up % p.stride_height != 0 || up / p.stride_height >= p.out_height) continue;
            for (std::int64_t i = 0; i < plan.group_channels; ++i)
                sum = add_row(sum, up / p.stride_height, r, x, lane, i);
        }
        return sum;
    }

    /// The taps of row r, with channel i of the lane's group.
    T add_row(T sum, std::int64_t up, std::int64_t r, std::int64_t x, std::int64_t lane, std::int64_t i) const {
        const std::int64_t channel = lane - lane % plan.group_channels + i;
        for (std::int64_t c = 0; c < p.kernel_width; ++c) {
            const std::int64_t left = x + p.padding_left - c * p.dilation_width;
            if (left < 0 || left % p.stride_width != 0 || left / p.stride_width >= p.out_width) continue;
            const std::int64_t tap = r * p.kernel_width + c;
            const T weight = weights[(tap * plan.group_channels + i) * plan.unit_channels + lane];
            sum = std::fma(weight, grad_output.at(up, left / p.stride_width)[channel], sum);
        }
        return sum;
    }
};

/// The functions of register tiles of so many rows, by pixels.
template <class T>
using TileRow = typename DepthwiseTileKernels<T>::Function[DepthwiseTileKernels<T>::max_pixels + 1];

/// Narrow groups have more kinds, for taps that are neighbours.
template <class T>
const TileRow<T>* tile_functions(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan,
                                 const kernels::DepthwiseTiles<T>& tiles) {
    const kernels::DepthwiseKernels<T>& kernels = *context.kernels.depthwise;
    if (plan.group_channels == 1) return kernels.tile->function;
    const bool neighbours = tiles.column_tap == -1 && tiles.kernel_columns > 1 &&
                            tiles.kernel_columns <= kernels::GroupTileKernels<T>::max_window;
    const auto& table = plan.groups_share_vector() ? kernels.group_tile->shared : kernels.group_tile->filled;
    return table[neighbours ? tiles.kernel_columns : 0];
}

/// One class of rows and one class of columns: their pixels see the same taps.
template <class T>
struct ClassWork {
    kernels::DepthwiseTiles<T> tiles;  ///< for all columns
    plan::DepthwiseTile tile;
    std::int64_t rows, columns;

    /// Tiles of pixels as equal as can be.
    void run(const TileRow<T>* functions) const {
        plan::EvenParts(columns, tile.pixels).for_each([&](Range part) { run_rows(functions, part); });
    }

private:
    /// Tiles of rows as equal as can be: first those with a row more.
    void run_rows(const TileRow<T>* functions, Range part) const {
        const std::int64_t count = plan::ceil_div(rows, tile.rows), tall = plan::ceil_div(rows, count);
        kernels::DepthwiseTiles<T> work = tiles;
        work.first_column += part.begin;
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
bool pack_depthwise_weight(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan, Range channels,
                           T* to) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const std::int64_t taps = p.taps(), unit = plan.unit_channels, group = plan.group_channels;
    // A rotated kernel is the adjoint of the kernel read backwards.
    const std::int64_t tap = p.rotated_kernel ? -group * unit : group * unit;
    T* const first = p.rotated_kernel ? to - (taps - 1) * tap : to;
    const auto& pack = *context.kernels.pack;
    const T* from = context.arguments.weight + channels.begin * group * taps;
    if (group == 1) return pack.transpose(from, taps, channels.size(), taps, first, tap);
    if (channels.size() < unit) pack.clear(to, plan.weight_elements);
    // Each channel of grad_output has weights for the channels of its group.
    bool finite = true;
    for (std::int64_t c = 0; c < channels.size(); ++c, from += group * taps) {
        T* const at = first + c % group * unit + c / group * group;
        finite &= p.weight_ohwi ? pack.copy(from, group, 1, taps, group, at, tap)
                                : pack.transpose_tight(from, taps, group, taps, at, tap);
    }
    return finite;
}

template <class T>
void compute_depthwise_input(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan,
                             const DepthwiseRows<const T>& grad_output, const T* weights, bool finite,
                             const DepthwiseRows<T>& grad_input, kernels::PrefetchQueue<T>* prefetch) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    if (!finite) return ExactSums<T>{p, plan, grad_output, weights}.compute(grad_input);
    const Range rows = grad_input.rows;
    const std::int64_t tap = plan.group_channels * plan.unit_channels;  // of the weights
    const std::int64_t row_step = plan.rows.class_step;
    for (std::int64_t y = 0; y < std::min(row_step, rows.size()); ++y) {
        const std::int64_t at = rows.begin + y;
        const DepthwiseTaps& up = plan.rows.taps(at);
        for (std::int64_t x = 0; x < std::min(p.stride_width, p.in_width); ++x) {
            const DepthwiseTaps& left = plan.columns.taps(x);
            // Pixels without a tap are sums of no terms.
            const bool empty = up.count == 0 || left.count == 0;
            ClassWork<T> work{{grad_output.data,
                               grad_output.row,
                               grad_output.rows.size(),
                               plan.rows.output(at) - grad_output.rows.begin,
                               up.output_step,
                               grad_output.pixel,
                               plan.columns.output(x),
                               -left.output_step,
                               weights + (up.first * p.kernel_width + left.first) * tap,
                               up.tap_step * p.kernel_width * tap,
                               left.tap_step * tap,
                               empty ? 1 : up.count,
                               empty ? 0 : left.count,
                               plan.group_channels,
                               plan.unit_channels,
                               prefetch,
                               grad_input.at(at, x),
                               row_step * grad_input.row,
                               p.stride_width * grad_input.pixel,
                               0},
                              plan.tiles[static_cast<std::size_t>((at + p.padding_top) % p.stride_height)],
                              plan::ceil_div(rows.size() - y, row_step),
                              plan::ceil_div(p.in_width - x, p.stride_width)};
            const TileRow<T>* functions = tile_functions(context, plan, work.tiles);
            for (std::int64_t v = 0; v < plan.vectors(); ++v) {
                work.run(functions);
                work.tiles.weights += plan.lanes;
                work.tiles.output += plan.lanes;
            }
        }
    }
}

template bool pack_depthwise_weight<float>(const Conv2dContext<float>&, const plan::Conv2dDepthwisePlan&, Range,
                                           float*) noexcept;
template bool pack_depthwise_weight<double>(const Conv2dContext<double>&, const plan::Conv2dDepthwisePlan&, Range,
                                            double*) noexcept;
template void compute_depthwise_input<float>(const Conv2dContext<float>&, const plan::Conv2dDepthwisePlan&,
                                             const DepthwiseRows<const float>&, const float*, bool,
                                             const DepthwiseRows<float>&, kernels::PrefetchQueue<float>*) noexcept;
template void compute_depthwise_input<double>(const Conv2dContext<double>&, const plan::Conv2dDepthwisePlan&,
                                              const DepthwiseRows<const double>&, const double*, bool,
                                              const DepthwiseRows<double>&, kernels::PrefetchQueue<double>*) noexcept;

}  // namespace backgrad::ops
