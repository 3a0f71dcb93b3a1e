#include "kernels/conv2d_depthwise_tile.hpp"
#include "kernels/register_file.hpp"

#include <utility>

namespace backgrad::BACKGRAD_ISA {

using kernels::DepthwiseTileKernels;

namespace {

/// rows * pixels accumulators, `pixels` vectors of grad_output and one weight: 3 x 7 (21 + 7 + 1) with AVX-512, 3 x 3
/// (9 + 3 + 1) with AVX2. A vector of grad_output serves `rows` FMAs and a weight `pixels`, so the loads stay behind
/// the FMAs.
constexpr bool tile_fits(int rows, int pixels) { return rows * pixels + pixels + 1 <= registers; }

/// The outputs of the tile share each vector of grad_output.
template <class T>
struct ChannelAdder {
    template <int begin, int end, int rows, int pixels>
    static void add_row(const DepthwiseTiles<T>& in, std::int64_t row, const T* w, vec<T> (&sum)[rows][pixels]) {
        using V = vec<T>;
        if (row < 0 || row >= in.size) return;
        const T* first = in.grad_output + row * in.row + in.first_column * in.pixel;
        for (std::int64_t c = 0; c < in.kernel_columns; ++c, first += in.column_tap * in.pixel, w += in.weight_column) {
            V x[pixels];
#pragma GCC unroll 8
            for (int v = 0; v < pixels; ++v) x[v] = V::load(first + v * in.pixel);
            if constexpr (end - begin > 1) {
#pragma GCC unroll 8
                for (int v = 0; v < pixels; ++v) keep_in_register(x[v]);
            }
#pragma GCC unroll 8
            for (int t = begin; t < end; ++t) {
                const V k = V::load(w + (t - begin) * in.weight_row);
#pragma GCC unroll 8
                for (int v = 0; v < pixels; ++v) sum[t][v] = fma(k, x[v], sum[t][v]);
            }
        }
    }
};

template <class T, int rows, int pixels>
constexpr typename DepthwiseTileKernels<T>::Function entry() {
    if constexpr (rows >= 1 && pixels >= 1 && tile_fits(rows, pixels))
        return &row_tiles<ChannelAdder<T>, T, rows, pixels>;
    else return nullptr;
}

template <class T, int rows, int... pixels>
constexpr void fill_pixels(DepthwiseTileKernels<T>& table, std::integer_sequence<int, pixels...>) {
    ((table.function[rows][pixels] = entry<T, rows, pixels>()), ...);
}

template <class T, int... row>
constexpr DepthwiseTileKernels<T> make_table(std::integer_sequence<int, row...>) {
    DepthwiseTileKernels<T> table{};
    for (int v = 1; v <= DepthwiseTileKernels<T>::max_pixels; ++v)
        while (table.rows_limit[v] < DepthwiseTileKernels<T>::max_rows && tile_fits(table.rows_limit[v] + 1, v))
            ++table.rows_limit[v];
    (fill_pixels<T, row>(table, std::make_integer_sequence<int, DepthwiseTileKernels<T>::max_pixels + 1>{}), ...);
    return table;
}

}  // namespace

extern constinit const DepthwiseTileKernels<float> depthwise_tile_kernels_f32 =
    make_table<float>(std::make_integer_sequence<int, DepthwiseTileKernels<float>::max_rows + 1>{});
extern constinit const DepthwiseTileKernels<double> depthwise_tile_kernels_f64 =
    make_table<double>(std::make_integer_sequence<int, DepthwiseTileKernels<double>::max_rows + 1>{});

}  // namespace backgrad::BACKGRAD_ISA
