#include "kernels/conv2d_depthwise_kernels.hpp"
#include "kernels/register_file.hpp"
#include "kernels/zeros.hpp"
#include "simd/vec.hpp"

#include <utility>

namespace backgrad::BACKGRAD_ISA {

using kernels::DepthwiseColumns;
using kernels::DepthwiseSumKernels;
using kernels::DepthwiseSums;

namespace {

/// rows * columns accumulators, the vector of grad_output and its sum; input is a memory operand, so a pixel costs one
/// load more than FMAs. 25 sums with AVX-512 (a 5x5 kernel at once), 12 with AVX2 (3x3).
constexpr bool sums_fit(int rows, int columns) { return rows * columns <= (registers == 32 ? 25 : 12); }

template <class T, int rows, int columns, bool with_bias>
void sum_taps(const DepthwiseSums<T>& in, T* state, std::ptrdiff_t state_row, T* bias) noexcept {
    using V = vec<T>;
    V total = with_bias ? V::load(bias) : V::zero();
    const DepthwiseColumns& axis = in.columns;
    V sum[rows][columns];
    std::ptrdiff_t tap[columns];
#pragma GCC unroll 8
    for (int c = 0; c < columns; ++c) tap[c] = c * axis.tap * axis.pixel;
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
        for (int c = 0; c < columns; ++c) sum[r][c] = V::load(state + r * state_row + c * V::lanes);

    for (std::int64_t y = 0; y < in.rows; ++y) {
        const T* input = in.input + y * in.input_row;
        const T* g = in.grad_output + y * in.grad_output_row + in.begin * in.grad_output_pixel;
        const auto add_border = [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t x = begin; x < end; ++x, g += in.grad_output_pixel) {
                V a = V::load(g);
                keep_in_register(a);
                if constexpr (with_bias) total = total + a;
#pragma GCC unroll 8
                for (int c = 0; c < columns; ++c) {
                    const std::int64_t column = axis.first + x * axis.step + c * axis.tap;
                    const bool exists = column >= 0 && column < axis.size;
                    const T* from = exists ? input + column * axis.pixel : zeros<T>;
                    const std::ptrdiff_t row = exists ? in.tap_row : 0;
#pragma GCC unroll 8
                    for (int r = 0; r < rows; ++r) sum[r][c] = fma(a, V::load(from + r * row), sum[r][c]);
                }
            }
        };
        add_border(in.begin, in.inner_begin);
        const T* x[rows];
#pragma GCC unroll 8
        for (int r = 0; r < rows; ++r)
            x[r] = input + r * in.tap_row + (axis.first + in.inner_begin * axis.step) * axis.pixel;
        for (std::int64_t i = in.inner_begin; i < in.inner_end; ++i) {
            V a = V::load(g);
            keep_in_register(a);
            if constexpr (with_bias) total = total + a;
#pragma GCC unroll 8
            for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 8
                for (int c = 0; c < columns; ++c) sum[r][c] = fma(a, V::load(x[r] + tap[c]), sum[r][c]);
                x[r] += axis.step * axis.pixel;
            }
            g += in.grad_output_pixel;
        }
        add_border(in.inner_end, in.end);
    }

    if constexpr (with_bias) total.store(bias);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
        for (int c = 0; c < columns; ++c) sum[r][c].store(state + r * state_row + c * V::lanes);
}

template <class T, int rows, int columns, bool with_bias>
constexpr typename DepthwiseSumKernels<T>::Function entry() {
    if constexpr (rows >= 1 && columns >= 1 && sums_fit(rows, columns)) return &sum_taps<T, rows, columns, with_bias>;
    else return nullptr;
}

template <class T, int rows, int... column>
constexpr void fill_columns(DepthwiseSumKernels<T>& table, std::integer_sequence<int, column...>) {
    ((table.function[rows][column] = entry<T, rows, column, false>()), ...);
    ((table.with_bias[rows][column] = entry<T, rows, column, true>()), ...);
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
