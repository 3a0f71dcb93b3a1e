#include "kernels/conv2d_depthwise_kernels.hpp"
#include "simd/vec.hpp"

#include <utility>

namespace backgrad::BACKGRAD_ISA {

using kernels::depthwise_unit;
using kernels::DepthwiseSumKernels;
using kernels::DepthwiseSums;

namespace {

constexpr int registers = vec<float>::lanes == 16 ? 32 : 16;

/// rows * columns accumulators and the vector of grad_output; input is a memory operand. 25 sums with AVX-512 (a 5x5
/// kernel at once), 12 with AVX2 (3x3). Each row is a pointer and each column an offset in a general register.
constexpr bool sums_fit(int rows, int columns) {
    return rows * columns <= (registers == 32 ? 25 : 12) && rows + columns <= 11;
}

template <class T, int rows, int columns>
void sum_taps(const DepthwiseSums<T>& in, T* state, std::ptrdiff_t state_row) noexcept {
    using V = vec<T>;
    constexpr int unit = depthwise_unit<T>;
    V sum[rows][columns];
    std::ptrdiff_t column[columns];
#pragma GCC unroll 8
    for (int c = 0; c < columns; ++c) column[c] = in.tap_columns[c];
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
        for (int c = 0; c < columns; ++c) sum[r][c] = V::load(state + r * state_row + c * unit);

    for (std::int64_t y = 0; y < in.rows; ++y) {
        const T* g = in.grad_output + y * in.grad_output_row;
        const T* x[rows];
#pragma GCC unroll 8
        for (int r = 0; r < rows; ++r) x[r] = in.input + y * in.input_row + r * in.tap_row;
        for (std::int64_t s = 0; s < in.steps; ++s) {
            V a = V::load(g);
            keep_in_register(a);
#pragma GCC unroll 8
            for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 8
                for (int c = 0; c < columns; ++c) sum[r][c] = fma(a, V::load(x[r] + column[c]), sum[r][c]);
                x[r] += in.input_step;
            }
            g += in.grad_output_step;
        }
        if (in.tail > 0) {
            const V a = V::load_first(g, in.tail);
#pragma GCC unroll 8
            for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
                for (int c = 0; c < columns; ++c)
                    sum[r][c] = fma(a, V::load_first(x[r] + column[c], in.tail), sum[r][c]);
        }
    }

#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
        for (int c = 0; c < columns; ++c) sum[r][c].store(state + r * state_row + c * unit);
}

template <class T, int rows, int columns>
constexpr typename DepthwiseSumKernels<T>::Function entry() {
    if constexpr (rows >= 1 && columns >= 1 && sums_fit(rows, columns)) return &sum_taps<T, rows, columns>;
    else return nullptr;
}

template <class T, int rows, int... column>
constexpr void fill_columns(DepthwiseSumKernels<T>& table, std::integer_sequence<int, column...>) {
    ((table.function[rows][column] = entry<T, rows, column>()), ...);
}

template <class T, int... row>
constexpr DepthwiseSumKernels<T> make_table(std::integer_sequence<int, row...>) {
    DepthwiseSumKernels<T> table{};
    (fill_columns<T, row>(table, std::make_integer_sequence<int, DepthwiseSumKernels<T>::max_columns + 1>{}), ...);
    return table;
}

}  // namespace

extern constinit const DepthwiseSumKernels<float> depthwise_sum_kernels_f32 =
    make_table<float>(std::make_integer_sequence<int, DepthwiseSumKernels<float>::max_rows + 1>{});
extern constinit const DepthwiseSumKernels<double> depthwise_sum_kernels_f64 =
    make_table<double>(std::make_integer_sequence<int, DepthwiseSumKernels<double>::max_rows + 1>{});

}  // namespace backgrad::BACKGRAD_ISA
