#include "kernels/conv2d_depthwise_kernels.hpp"
#include "kernels/unrolled.hpp"
#include "simd/vec.hpp"

#include <utility>

namespace backgrad::BACKGRAD_ISA {

using kernels::DepthwiseRowKernels;
using kernels::DepthwiseRowSums;

namespace {

/// 3x3 taps with a stride of 1 need 9 sums, 4 vectors of grad_output, their sum and a vector of input, 15 registers: 22
/// loads per 36 FMAs. The registers of AVX-512 hold the 6 x 3 vectors of input under the taps, too, so that a column
/// takes 6 + 4 loads: pixels that are a few KiB apart share few sets of the L1 cache and are often gone when the next
/// column meets them again.
constexpr bool keeps_input = vec<float>::lanes == 16;

template <class T, int stride, int rows, int columns, int taken, bool guarded>
struct RowSums {
    using V = vec<T>;
    static constexpr int input_rows = (taken - 1) * stride + rows;
    static constexpr int kept = columns > stride ? columns - stride : 0;  // columns that the next output meets again

    const DepthwiseRowSums<T>& in;
    V sum[rows][columns];
    V total;

    [[gnu::always_inline]] V load(const T* from) const {
        if constexpr (guarded) return V::load_first(from, in.channels);
        else return V::load(from);
    }
    [[gnu::always_inline]] bool exists(int i) const { return !guarded || (in.input_exists >> i & 1U) != 0; }

    /// The rows below are what comes next.
    [[gnu::always_inline]] void prefetch(const T* g, const T* x) const {
        if (!in.far) return;
        unrolled<taken>([&](auto r)
                            __attribute__((always_inline)) { prefetch_to_l2(g + (taken + r) * in.grad_output_row); });
        unrolled<taken * stride>([&](auto i) __attribute__((always_inline)) {
            unrolled<stride>([&](auto c) __attribute__((always_inline)) {
                prefetch_to_l2(x + (input_rows + i) * in.input_row + c * in.input_pixel);
            });
        });
    }

    /// grad_output of one column of outputs.
    [[gnu::always_inline]] void load_column(const T* g, V (&a)[taken]) {
        unrolled<taken>([&](auto r) __attribute__((always_inline)) {
            a[r] = load(g + r * in.grad_output_row);
            keep_in_register(a[r]);
            total = total + a[r];
        });
    }

    /// The terms of row i and column c of input under the taps.
    template <class Row, class Column>
    [[gnu::always_inline]] void add_terms(const V (&a)[taken], V x, Row i, Column c) {
        keep_in_register(x);
        unrolled<taken>([&](auto r) __attribute__((always_inline)) {
            constexpr int tap = i - r * stride;
            if constexpr (tap >= 0 && tap < rows) sum[tap][c] = fma(a[r], x, sum[tap][c]);
        });
    }

    [[gnu::always_inline]] V input(const T* x, int i, int c) const {
        return load(x + i * in.input_row + c * in.input_pixel);
    }

    [[gnu::always_inline]] void add_border(std::int64_t j) {
        const std::int64_t column = in.first + j * stride;
        const T *g = in.grad_output + j * in.grad_output_pixel, *x = in.input + column * in.input_pixel;
        prefetch(g, x);
        V a[taken];
        load_column(g, a);
        unrolled<columns>([&](auto c) __attribute__((always_inline)) {
            if (column + c < 0 || column + c >= in.columns) return;
            unrolled<input_rows>([&](auto i) __attribute__((always_inline)) {
                if (exists(i)) add_terms(a, input(x, i, c), i, c);
            });
        });
    }

    [[gnu::always_inline]] void add_inner() {
        const T* g = in.grad_output + in.inner_begin * in.grad_output_pixel;
        const T* x = in.input + (in.first + in.inner_begin * stride) * in.input_pixel;
        V window[input_rows][columns];
        const auto fill = [&](auto i, auto c) __attribute__((always_inline)) {
            window[i][c] = exists(i) ? input(x, i, c) : V::zero();
            keep_in_register(window[i][c]);
        };
        if constexpr (keeps_input)
            unrolled<input_rows>([&](auto i) __attribute__((always_inline)) {
                unrolled<kept>([&](auto c) __attribute__((always_inline)) { fill(i, c); });
            });
        for (std::int64_t j = in.inner_begin; j < in.inner_end; ++j) {
            prefetch(g, x);
            V a[taken];
            load_column(g, a);
            unrolled<input_rows>([&](auto i) __attribute__((always_inline)) {
                if (!exists(i)) return;
                unrolled<columns>([&](auto c) __attribute__((always_inline)) {
                    if constexpr (keeps_input && c >= kept) fill(i, c);
                    add_terms(a, keeps_input ? window[i][c] : input(x, i, c), i, c);
                });
                if constexpr (keeps_input)
                    unrolled<kept>([&](auto c)
                                       __attribute__((always_inline)) { window[i][c] = window[i][c + stride]; });
            });
            g += in.grad_output_pixel;
            x += stride * in.input_pixel;
        }
    }
};

template <class T, int stride, int rows, int columns, int taken, bool guarded>
void sum_rows(const DepthwiseRowSums<T>& in, T* state, T* bias) noexcept {
    using V = vec<T>;
    RowSums<T, stride, rows, columns, taken, guarded> work{in, {}, V::load(bias)};
    unrolled<rows>([&](auto r) __attribute__((always_inline)) {
        unrolled<columns>([&](auto c) __attribute__((always_inline)) {
            work.sum[r][c] = V::load(state + (r * columns + c) * V::lanes);
        });
    });
    for (std::int64_t j = 0; j < in.outputs; ++j) {
        if (j == in.inner_begin && j < in.inner_end) {
            work.add_inner();
            j = in.inner_end - 1;
        } else {
            work.add_border(j);
        }
    }
    work.total.store(bias);
    unrolled<rows>([&](auto r) __attribute__((always_inline)) {
        unrolled<columns>([&](auto c) __attribute__((always_inline)) {
            work.sum[r][c].store(state + (r * columns + c) * V::lanes);
        });
    });
}

template <class T>
void sum_bias(const DepthwiseRowSums<T>& in, T* bias) noexcept {
    using V = vec<T>;
    V total = V::load(bias);
    for (std::int64_t j = 0; j < in.outputs; ++j) {
        const T* g = in.grad_output + j * in.grad_output_pixel;
        for (std::int64_t r = 0; r < in.rows; ++r)
            total = total + V::load_first(g + r * in.grad_output_row, in.channels);
    }
    total.store(bias);
}

template <class T, int stride, int rows, int columns, int taken, bool guarded>
constexpr typename DepthwiseRowKernels<T>::Function entry() {
    if constexpr (taken <= DepthwiseRowKernels<T>::max_rows[stride - 1])
        return &sum_rows<T, stride, rows, columns, taken, guarded>;
    else return nullptr;
}

template <class T, int stride, int rows, int columns, int... row>
constexpr void fill_rows(DepthwiseRowKernels<T>& table, std::integer_sequence<int, row...>) {
    auto& functions = table.function[stride - 1][rows / 2][columns / 2];
    ((functions[row][0] = entry<T, stride, rows, columns, row + 1, false>()), ...);
    ((functions[row][1] = entry<T, stride, rows, columns, row + 1, true>()), ...);
}

template <class T, int stride>
constexpr void fill_kernels(DepthwiseRowKernels<T>& table) {
    constexpr auto taken = std::make_integer_sequence<int, DepthwiseRowKernels<T>::max_rows[0]>{};
    fill_rows<T, stride, 1, 1>(table, taken);
    fill_rows<T, stride, 1, 3>(table, taken);
    fill_rows<T, stride, 3, 1>(table, taken);
    fill_rows<T, stride, 3, 3>(table, taken);
}

template <class T>
constexpr DepthwiseRowKernels<T> make_table() {
    DepthwiseRowKernels<T> table{};
    fill_kernels<T, 1>(table);
    fill_kernels<T, 2>(table);
    table.bias = &sum_bias<T>;
    return table;
}

}  // namespace

extern constinit const DepthwiseRowKernels<float> depthwise_row_kernels_f32 = make_table<float>();
extern constinit const DepthwiseRowKernels<double> depthwise_row_kernels_f64 = make_table<double>();

}  // namespace backgrad::BACKGRAD_ISA
