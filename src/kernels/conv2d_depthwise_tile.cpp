#include "kernels/conv2d_depthwise_kernels.hpp"
#include "simd/vec.hpp"

#include <utility>

namespace backgrad::BACKGRAD_ISA {

using kernels::DepthwiseTileKernels;
using kernels::DepthwiseTiles;

namespace {

constexpr int registers = vec<float>::lanes == 16 ? 32 : 16;

/// rows * vectors accumulators, `vectors` of grad_output and one weight: 4 x 6 (24 + 6 + 1) with AVX-512, 4 x 3
/// (12 + 3 + 1) with AVX2.
constexpr bool tile_fits(int rows, int vectors) { return rows * vectors + vectors + 1 <= registers; }

/// All columns of one tap row step: outputs [begin, end) of the tile share each vector of grad_output. `g` is the row
/// that they meet, `w` the tap row of output `begin`; the tap row rises with the output.
template <class T, bool vector_weights, int begin, int end, int rows, int vectors>
inline void add_row(const DepthwiseTiles<T>& in, const T* g, const T* w, vec<T> (&sum)[rows][vectors]) {
    using V = vec<T>;
    for (std::int64_t c = 0; c < in.kernel_columns; ++c, g -= in.tap_column, w += in.weight_column) {
        V x[vectors];
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) x[v] = V::load(g + v * in.vector);
        if constexpr (end - begin > 1) {
#pragma GCC unroll 8
            for (int v = 0; v < vectors; ++v) keep_in_register(x[v]);
        }
#pragma GCC unroll 8
        for (int t = begin; t < end; ++t) {
            const T* p = w + (t - begin) * in.weight_row;
            V k;
            if constexpr (vector_weights) k = V::load(p);
            else k = V::broadcast(*p);
#pragma GCC unroll 8
            for (int v = 0; v < vectors; ++v) sum[t][v] = fma(k, x[v], sum[t][v]);
        }
    }
}

/// Ramp up: the last n outputs of the tile meet tap rows 0 .. n - 1. Ramp down: the first n meet the last n tap rows.
template <class T, bool vector_weights, int n, int rows, int vectors>
inline void ramp_up(const DepthwiseTiles<T>& in, const T* last, vec<T> (&sum)[rows][vectors]) {
    if constexpr (n < rows) {
        add_row<T, vector_weights, rows - n, rows>(in, last - (n - 1) * in.row, in.weights, sum);
        ramp_up<T, vector_weights, n + 1>(in, last, sum);
    }
}

template <class T, bool vector_weights, int n, int rows, int vectors>
inline void ramp_down(const DepthwiseTiles<T>& in, const T* last, vec<T> (&sum)[rows][vectors]) {
    if constexpr (n > 0) {
        const std::int64_t step = in.kernel_rows + rows - 1 - n;
        add_row<T, vector_weights, 0, n>(in, last - step * in.row, in.weights + (in.kernel_rows - n) * in.weight_row,
                                         sum);
        ramp_down<T, vector_weights, n - 1>(in, last, sum);
    }
}

template <class T, bool vector_weights, int rows, int vectors>
void row_tiles(const DepthwiseTiles<T>& in) noexcept {
    using V = vec<T>;
    for (std::int64_t tile = 0; tile < in.row_tiles; ++tile) {
        V sum[rows][vectors];
#pragma GCC unroll 8
        for (int t = 0; t < rows; ++t)
#pragma GCC unroll 8
            for (int v = 0; v < vectors; ++v) sum[t][v] = V::zero();
        const T* last = in.grad_output + (tile * rows + rows - 1) * in.row;
        ramp_up<T, vector_weights, 1>(in, last, sum);
        for (std::int64_t m = 0; m + rows <= in.kernel_rows; ++m)
            add_row<T, vector_weights, 0, rows>(in, last - (m + rows - 1) * in.row, in.weights + m * in.weight_row,
                                                sum);
        ramp_down<T, vector_weights, rows - 1>(in, last, sum);
        T* output = in.output + tile * rows * in.output_row;
#pragma GCC unroll 8
        for (int t = 0; t < rows; ++t)
#pragma GCC unroll 8
            for (int v = 0; v < vectors; ++v) sum[t][v].store(output + t * in.output_row + v * in.output_vector);
    }
}

template <class T, bool vector_weights, int rows, int vectors>
constexpr typename DepthwiseTileKernels<T>::Function entry() {
    if constexpr (rows >= 1 && vectors >= 1 && tile_fits(rows, vectors))
        return &row_tiles<T, vector_weights, rows, vectors>;
    else return nullptr;
}

template <class T, int rows, int... vectors>
constexpr void fill_vectors(DepthwiseTileKernels<T>& table, std::integer_sequence<int, vectors...>) {
    ((table.scalar_weights[rows][vectors] = entry<T, false, rows, vectors>()), ...);
    ((table.vector_weights[rows][vectors] = entry<T, true, rows, vectors>()), ...);
}

template <class T, int... row>
constexpr DepthwiseTileKernels<T> make_table(std::integer_sequence<int, row...>) {
    DepthwiseTileKernels<T> table{};
    (fill_vectors<T, row>(table, std::make_integer_sequence<int, DepthwiseTileKernels<T>::max_vectors + 1>{}), ...);
    return table;
}

}  // namespace

extern constinit const DepthwiseTileKernels<float> depthwise_tile_kernels_f32 =
    make_table<float>(std::make_integer_sequence<int, DepthwiseTileKernels<float>::max_rows + 1>{});
extern constinit const DepthwiseTileKernels<double> depthwise_tile_kernels_f64 =
    make_table<double>(std::make_integer_sequence<int, DepthwiseTileKernels<double>::max_rows + 1>{});

}  // namespace backgrad::BACKGRAD_ISA
