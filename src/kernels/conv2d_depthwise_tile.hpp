#pragma once

#include "kernels/conv2d_depthwise_kernels.hpp"
#include "simd/vec.hpp"

/// Tiles of grad_input that share rows of grad_output. How a row is added is the caller's: `Adder::add_row<begin, end>(
/// in, row, w, sum)` adds one row of grad_output, if it exists, to outputs [begin, end) of the tile; `w` is the tap row
/// of output `begin`, and the tap row rises with the output.
namespace backgrad::BACKGRAD_ISA {

using kernels::DepthwiseTiles;

namespace {

/// Rows of grad_output come in descending order, so that tap rows ascend. The first ones meet only the last n outputs
/// of the tile, with tap rows 0 .. n - 1.
template <class Adder, int n, class T, int rows, int pixels>
inline void ramp_up(const DepthwiseTiles<T>& in, std::int64_t last, vec<T> (&sum)[rows][pixels]) {
    if constexpr (n < rows) {
        Adder::template add_row<rows - n, rows>(in, last - (n - 1) * in.row_step, in.weights, sum);
        ramp_up<Adder, n + 1>(in, last, sum);
    }
}

/// The last ones meet only the first n outputs, with the last n tap rows.
template <class Adder, int n, class T, int rows, int pixels>
inline void ramp_down(const DepthwiseTiles<T>& in, std::int64_t last, vec<T> (&sum)[rows][pixels]) {
    if constexpr (n > 0) {
        Adder::template add_row<0, n>(in, last - (in.kernel_rows + rows - 1 - n) * in.row_step,
                                      in.weights + (in.kernel_rows - n) * in.weight_row, sum);
        ramp_down<Adder, n - 1>(in, last, sum);
    }
}

template <class Adder, class T, int rows, int pixels>
void row_tiles(const DepthwiseTiles<T>& work) noexcept {
    using V = vec<T>;
    const DepthwiseTiles<T> in = work;  // that the stores cannot change
    for (std::int64_t tile = 0; tile < in.tiles; ++tile) {
        V sum[rows][pixels];
#pragma GCC unroll 8
        for (int t = 0; t < rows; ++t)
#pragma GCC unroll 8
            for (int v = 0; v < pixels; ++v) sum[t][v] = V::zero();
        const std::int64_t last = in.first_row + (tile * rows + rows - 1) * in.row_step;
        ramp_up<Adder, 1>(in, last, sum);
        for (std::int64_t m = 0; m + rows <= in.kernel_rows; ++m)
            Adder::template add_row<0, rows>(in, last - (m + rows - 1) * in.row_step, in.weights + m * in.weight_row,
                                             sum);
        ramp_down<Adder, rows - 1>(in, last, sum);
        T* output = in.output + tile * rows * in.output_row;
#pragma GCC unroll 8
        for (int t = 0; t < rows; ++t) {
#pragma GCC unroll 8
            for (int v = 0; v < pixels; ++v) sum[t][v].store(output + t * in.output_row + v * in.output_pixel);
        }
    }
}

}  // namespace

}  // namespace backgrad::BACKGRAD_ISA
