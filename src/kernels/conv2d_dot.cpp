#include "kernels/conv2d_kernels.hpp"
#include "kernels/register_file.hpp"
#include "kernels/unrolled.hpp"
#include "simd/vec.hpp"

#include <utility>

namespace backgrad::BACKGRAD_ISA {

using kernels::DotKernels;
using kernels::DotOperands;
using kernels::Run;

namespace {

/// rows * columns accumulators, the rows' operands and one column operand share the register file: 7 x 3 (21 + 7 + 1)
/// or 5 x 5 (25 + 5 + 1) with AVX-512, 3 x 3 or 2 x 4 with AVX2. A step costs rows + columns loads for rows * columns
/// FMAs; columns are shifted by a kernel tap, so their loads mostly cross a cache line.
constexpr int rows_limit(int columns) {
    const int rows = (registers - 1) / (columns + 1);
    return rows < DotKernels<float>::max_rows ? rows : DotKernels<float>::max_rows;
}

/// One vector of every chain group: the lanes from `first` on of each group of `chains` elements. A vector that is
/// narrower than a group makes several passes, so that each chain sees its elements in the same order on every ISA.
template <class T, int rows, int columns>
void pass(const DotOperands<T>& in, T* state, std::ptrdiff_t state_row, int first) noexcept {
    using V = vec<T>;
    constexpr int chains = DotKernels<T>::chains;
    V sum[rows][columns];
    unrolled<rows>([&](auto r) __attribute__((always_inline)) {
        unrolled<columns>([&](auto c) __attribute__((always_inline)) {
            sum[r][c] = V::load(state + r * state_row + c * chains + first);
        });
    });

    for (const Run *run = in.runs, *end = run + in.run_count; run != end; ++run) {
        // A register each, and one index for all.
        const T *a[rows], *b[columns];
        unrolled<rows>([&](auto r) { a[r] = in.a + run->lane_offset + first + r * in.a_row; });
        unrolled<columns>([&](auto c) { b[c] = in.b + run->broadcast_offset + first + in.b_columns[c]; });
        std::int64_t at = 0;
        const auto add = [&](auto load) __attribute__((always_inline)) {
            V x[rows];
            unrolled<rows>([&](auto r) __attribute__((always_inline)) {
                x[r] = load(a[r] + at);
                if constexpr (columns > 1) keep_in_register(x[r]);
            });
            unrolled<columns>([&](auto c) __attribute__((always_inline)) {
                V y = V::load(b[c] + at);
                if constexpr (rows > 1) keep_in_register(y);
                unrolled<rows>([&](auto r) __attribute__((always_inline)) { sum[r][c] = fma(x[r], y, sum[r][c]); });
            });
        };
        const std::int64_t size = run->count - first;
        for (; at <= size - V::lanes; at += chains)
            add([](const T* from) __attribute__((always_inline)) { return V::load(from); });
        if (at < size)
            add([n = static_cast<int>(size - at)](const T* from)
                    __attribute__((always_inline)) { return V::load_first(from, n); });
    }

    unrolled<rows>([&](auto r) __attribute__((always_inline)) {
        unrolled<columns>([&](auto c) __attribute__((always_inline)) {
            sum[r][c].store(state + r * state_row + c * chains + first);
        });
    });
}

template <class T, int rows, int columns>
void dot_tile(const DotOperands<T>& in, T* state, std::ptrdiff_t state_row) noexcept {
    for (int first = 0; first < DotKernels<T>::chains; first += vec<T>::lanes)
        pass<T, rows, columns>(in, state, state_row, first);
}

template <class T>
void join(const T* state, std::int64_t count, T* total) noexcept {
    constexpr int chains = DotKernels<T>::chains;
    for (std::int64_t i = 0; i < count; ++i, state += chains) {
        T sum[chains / 2];
        for (int q = 0; q < chains / 2; ++q) sum[q] = state[q] + state[q + chains / 2];
        for (int half = chains / 4; half > 0; half /= 2)
            for (int q = 0; q < half; ++q) sum[q] += sum[q + half];
        total[i] += sum[0];
    }
}

template <class T, int rows, int columns>
constexpr typename DotKernels<T>::Function entry() {
    if constexpr (rows >= 1 && columns >= 1 && rows <= rows_limit(columns)) return &dot_tile<T, rows, columns>;
    else return nullptr;
}

template <class T, int rows, int... column>
constexpr void fill_columns(DotKernels<T>& table, std::integer_sequence<int, column...>) {
    ((table.function[rows][column] = entry<T, rows, column>()), ...);
}

template <class T, int... row>
constexpr DotKernels<T> make_table(std::integer_sequence<int, row...>) {
    DotKernels<T> table{};
    for (int c = 1; c <= DotKernels<T>::max_columns; ++c) table.rows_limit[c] = rows_limit(c);
    (fill_columns<T, row>(table, std::make_integer_sequence<int, DotKernels<T>::max_columns + 1>{}), ...);
    table.join = &join<T>;
    return table;
}

}  // namespace

extern constinit const DotKernels<float> dot_kernels_f32 =
    make_table<float>(std::make_integer_sequence<int, DotKernels<float>::max_rows + 1>{});
extern constinit const DotKernels<double> dot_kernels_f64 =
    make_table<double>(std::make_integer_sequence<int, DotKernels<double>::max_rows + 1>{});

}  // namespace backgrad::BACKGRAD_ISA
