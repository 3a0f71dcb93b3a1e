#include "kernels/conv2d_depthwise_kernels.hpp"
#include "kernels/unrolled.hpp"
#include "simd/index.hpp"
#include "simd/vec.hpp"

#include <utility>

namespace backgrad::BACKGRAD_ISA {

using kernels::DepthwisePlaneInput;
using kernels::DepthwisePlaneInputKernels;

namespace {

/// A row of grad_input is one chain per lane; the rows in flight hide its latency. 9 weights, the shifted rows of
/// grad_output that it meets (9), and 3 orders of lanes need the registers of AVX-512; elsewhere panels are faster.
template <class T>
constexpr bool whole = vec<T>::lanes == 64 / sizeof(T);
constexpr bool weights_fit(int rows, int columns) { return rows * columns <= 9; }

/// Along one axis: position stride * y + phase of grad_input meets grad_output at y + lowest .. y + highest, at tap t
/// at y + (extent / 2 + phase - t) / stride where that is whole.
template <int stride, int extent>
struct Axis {
    static constexpr int lowest = -(extent / 2 / stride), highest = (extent / 2 + stride - 1) / stride;
    static constexpr int span = highest - lowest + 1;
    static constexpr bool meets(int phase, int tap) { return (extent / 2 + phase - tap) % stride == 0; }
    static constexpr int at(int phase, int tap) { return (extent / 2 + phase - tap) / stride - lowest; }
};

template <class T>
inline void store(vec<T> value, T* to, int count, bool accumulate) {
    using V = vec<T>;
    if (count <= 0) return;
    if (accumulate) value = V::load_first(to, count < V::lanes ? count : V::lanes) + value;
    if (count >= V::lanes) value.store(to);
    else value.store_first(to, count);
}

template <class T, int stride>
inline void store_row(const vec<T> (&sum)[stride], T* to, int count, bool accumulate) {
    using V = vec<T>;
    if constexpr (stride == 1) {
        store(sum[0], to, count, accumulate);
    } else {
        V low, high;
        interleave(sum[0], sum[1], low, high);
        store(low, to, count, accumulate);
        store(high, to + V::lanes, count - V::lanes, accumulate);
    }
}

template <class T, int stride, int rows, int columns, bool guarded>
void plane_input(const DepthwisePlaneInput<T>& work) noexcept {
    using V = vec<T>;
    const DepthwisePlaneInput<T> in = work;  // that the stores cannot change
    using I = index_vec<T>;
    using Rows = Axis<stride, rows>;
    using Columns = Axis<stride, columns>;
    V weight[rows][columns];
    unrolled<rows>([&](auto r) __attribute__((always_inline)) {
        unrolled<columns>([&](auto c) __attribute__((always_inline)) {
            weight[r][c] = V::broadcast(in.weights[(r * columns + c) * in.weight_step]);
            keep_in_register(weight[r][c]);
        });
    });
    I order[Columns::span];
    typename V::mask exists[Columns::span];
    unrolled<Columns::span>([&](auto s) __attribute__((always_inline)) {
        order[s] = I::iota() + I::broadcast(in.offset + Columns::lowest + s);
        exists[s] = V::mask_of_bits(in.exists[s]);
    });
    V g[Rows::span][Columns::span];  // row y + lowest + j, shifted by lowest + s
    const auto load_row = [&](std::int64_t y, auto j) __attribute__((always_inline)) {
        const T* row = in.grad_output + y * in.grad_output_row;
        V raw;
        if constexpr (guarded) raw = V::load_first(row, in.elements);
        else raw = V::load(row);
        keep_in_register(raw);  // one load serves all shifts
        prefetch_to_l1(row + in.ahead);
        unrolled<Columns::span>([&](auto s) __attribute__((always_inline)) {
            g[j][s] = select(exists[s], permute(raw, order[s]), V::zero());
        });
    };
    const auto row_exists = [&](std::int64_t y) { return y >= 0 && y < in.grad_output_rows; };
    T* to = in.output;
    std::int64_t left = in.rows;
    const auto add_rows = [&](std::int64_t y, auto edge) __attribute__((always_inline)) {
        unrolled<stride>([&](auto p) __attribute__((always_inline)) {
            V sum[stride];
            unrolled<stride>([&](auto q) __attribute__((always_inline)) { sum[q] = V::zero(); });
            unrolled<rows>([&](auto r) __attribute__((always_inline)) {
                if constexpr (Rows::meets(p, r)) {
                    constexpr int j = Rows::at(p, r);
                    if (edge() && !row_exists(y + Rows::lowest + j)) return;
                    unrolled<columns>([&](auto c) __attribute__((always_inline)) {
                        unrolled<stride>([&](auto q) __attribute__((always_inline)) {
                            if constexpr (Columns::meets(q, c))
                                sum[q] = fma(weight[r][c], g[j][Columns::at(q, c)], sum[q]);
                        });
                    });
                }
            });
            if (left > p) store_row<T, stride>(sum, to + p * in.output_row, in.count, in.accumulate);
        });
        to += stride * in.output_row;
        left -= stride;
        unrolled<Rows::span - 1>([&](auto j) __attribute__((always_inline)) {
            unrolled<Columns::span>([&](auto s) __attribute__((always_inline)) { g[j][s] = g[j + 1][s]; });
        });
    };

    constexpr std::integral_constant<int, Rows::span - 1> newest;
    std::int64_t y = in.first_row;
    unrolled<Rows::span - 1>([&](auto j) __attribute__((always_inline)) {
        if (row_exists(y + Rows::lowest + j)) load_row(y + Rows::lowest + j, j);
        else unrolled<Columns::span>([&](auto s) __attribute__((always_inline)) { g[j][s] = V::zero(); });
    });
    while (left > 0) {
        const bool inner = y + Rows::lowest >= 0 && y + Rows::highest < in.grad_output_rows;
        if (inner) {
            const std::int64_t last = in.grad_output_rows - Rows::highest;
            for (; y < last && left > 0; ++y) {
                load_row(y + Rows::highest, newest);
                add_rows(y, std::false_type{});
            }
        } else {
            if (row_exists(y + Rows::highest)) load_row(y + Rows::highest, newest);
            add_rows(y, std::true_type{});
            ++y;
        }
    }
}

template <class T>
void stream(const T* from, std::int64_t count, T* to) noexcept {
    using V = vec<T>;
    constexpr std::uintptr_t bytes = V::lanes * sizeof(T);
    const std::int64_t before = static_cast<std::int64_t>((-reinterpret_cast<std::uintptr_t>(to)) % bytes / sizeof(T));
    const std::int64_t begin = before < count ? before : count;
    V::load_first(from, static_cast<int>(begin)).store_first(to, static_cast<int>(begin));
    std::int64_t i = begin;
    for (; i + V::lanes <= count; i += V::lanes) V::load(from + i).stream(to + i);
    V::load_first(from + i, static_cast<int>(count - i)).store_first(to + i, static_cast<int>(count - i));
}

template <class T, int stride, int rows, int columns, bool guarded>
constexpr typename DepthwisePlaneInputKernels<T>::Function entry() {
    if constexpr (whole<T> && weights_fit(rows, columns)) return &plane_input<T, stride, rows, columns, guarded>;
    else return nullptr;
}

template <class T, int stride, int row, int... column>
constexpr void fill_columns(DepthwisePlaneInputKernels<T>& table, std::integer_sequence<int, column...>) {
    ((table.function[stride - 1][row][column][0] = entry<T, stride, 2 * row + 1, 2 * column + 1, false>()), ...);
    ((table.function[stride - 1][row][column][1] = entry<T, stride, 2 * row + 1, 2 * column + 1, true>()), ...);
}

template <class T, int... row>
constexpr DepthwisePlaneInputKernels<T> make_table(std::integer_sequence<int, row...> extents) {
    DepthwisePlaneInputKernels<T> table{};
    (fill_columns<T, 1, row>(table, extents), ...);
    (fill_columns<T, 2, row>(table, extents), ...);
    table.stream = &stream<T>;
    return table;
}

}  // namespace

extern constinit const DepthwisePlaneInputKernels<float> depthwise_plane_input_kernels_f32 =
    make_table<float>(std::make_integer_sequence<int, DepthwisePlaneInputKernels<float>::max_extent / 2 + 1>{});
extern constinit const DepthwisePlaneInputKernels<double> depthwise_plane_input_kernels_f64 =
    make_table<double>(std::make_integer_sequence<int, DepthwisePlaneInputKernels<double>::max_extent / 2 + 1>{});

}  // namespace backgrad::BACKGRAD_ISA
