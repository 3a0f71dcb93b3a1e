#include "kernels/conv2d_group_lanes.hpp"
#include "kernels/prefetch_turns.hpp"
#include "kernels/register_file.hpp"
#include "kernels/unrolled.hpp"
#include "kernels/zeros.hpp"

#include <utility>

namespace backgrad::BACKGRAD_ISA {

using kernels::DepthwiseColumns;
using kernels::DepthwiseSums;
using kernels::GroupSumKernels;
using kernels::GroupSums;

namespace {

/// rows * columns * channels accumulators, and the smaller of the two sets of factors is kept beside them: 2 x 3 taps
/// and 4 channels (24 + 4 + 1) with AVX-512, 1 x 3 (12 + 3 + 1) with AVX2, and the sum of the bias in one part of the
/// taps. A pixel takes as many loads as there are taps and channels.
constexpr bool sums_fit(int rows, int columns, int channels) {
    return rows * columns * channels <= (registers == 32 ? 24 : 12);
}

template <class T, bool shared, int channels, int rows, int columns>
struct Accumulators {
    using V = vec<T>;
    static constexpr int taps = rows * columns;

    const std::int32_t* order;
    V sum[taps][channels];

    /// x(t) is the input of tap t.
    template <class Input>
    [[gnu::always_inline]] void add(const T* g, Input x) {
        if constexpr (channels < taps) {
            V a[channels];
            unrolled<channels>([&](auto k) __attribute__((always_inline)) {
                a[k] = group_channel<T, shared>(g, k, order);
                keep_in_register(a[k]);
            });
            unrolled<taps>([&](auto t) __attribute__((always_inline)) {
                V b = x(t);
                keep_in_register(b);
                unrolled<channels>([&](auto k) __attribute__((always_inline)) { sum[t][k] = fma(a[k], b, sum[t][k]); });
            });
        } else {
            V b[taps];
            unrolled<taps>([&](auto t) __attribute__((always_inline)) {
                b[t] = x(t);
                keep_in_register(b[t]);
            });
            unrolled<channels>([&](auto k) __attribute__((always_inline)) {
                V a = group_channel<T, shared>(g, k, order);
                keep_in_register(a);
                unrolled<taps>([&](auto t) __attribute__((always_inline)) { sum[t][k] = fma(a, b[t], sum[t][k]); });
            });
        }
    }

    /// Calls f(accumulator, its place in the state).
    template <class F>
    [[gnu::always_inline]] void for_each(const GroupSums<T>& in, T* state, F f) {
        unrolled<taps>([&](auto t) __attribute__((always_inline)) {
            T* at = state + t / columns * in.state_row + t % columns * in.state_column;
            unrolled<channels>([&](auto k) __attribute__((always_inline)) { f(sum[t][k], at + k * in.state_channel); });
        });
    }
};

template <class T, bool shared, int channels, int rows, int columns, bool with_bias>
void sum_group(const GroupSums<T>& group, T* state, T* bias) noexcept {
    using V = vec<T>;
    const DepthwiseSums<T>& in = group.taps;
    const DepthwiseColumns& axis = in.columns;
    V total = with_bias ? V::load(bias) : V::zero();
    Accumulators<T, shared, channels, rows, columns> sums{
        shared ? group_order<T>(group.group) + group.first * V::lanes : nullptr, {}};
    sums.for_each(
        group, state, [](V & sum, const T* at) __attribute__((always_inline)) { sum = V::load(at); });
    for (std::int64_t y = 0; y < in.rows; ++y) {
        const T* input = in.input + y * in.input_row;
        const T* g = in.grad_output + y * in.grad_output_row + in.begin * in.grad_output_pixel;
        const auto add_border = [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t j = begin; j < end; ++j, g += in.grad_output_pixel) {
                if constexpr (with_bias) total = total + V::load(g + group.own);
                sums.add(
                    g, [&](auto t) __attribute__((always_inline)) {
                        const std::int64_t column = axis.first + j * axis.step + t % columns * axis.tap;
                        const bool exists = column >= 0 && column < axis.size;
                        return V::load(exists ? input + t / columns * in.tap_row + column * axis.pixel : zeros<T>);
                    });
            }
        };
        add_border(in.begin, in.inner_begin);
        const T* x = input + (axis.first + in.inner_begin * axis.step) * axis.pixel;
        const std::ptrdiff_t tap = axis.tap * axis.pixel;
        PrefetchTurns<T> ahead(*group.prefetch, in.inner_end - in.inner_begin, x);
        for (std::int64_t j = in.inner_begin; j < in.inner_end; ++j) {
            ahead.fetch();
            if constexpr (with_bias) total = total + V::load(g + group.own);
            sums.add(
                g, [&](auto t) __attribute__((always_inline)) {
                    return V::load(x + t / columns * in.tap_row + t % columns * tap);
                });
            g += in.grad_output_pixel;
            x += axis.step * axis.pixel;
        }
        add_border(in.inner_end, in.end);
    }
    if constexpr (with_bias) total.store(bias);
    sums.for_each(
        group, state, [](const V& sum, T* at) __attribute__((always_inline)) { sum.store(at); });
}

template <class T, bool shared, int channels, int rows, int columns>
constexpr void fill(typename GroupSumKernels<T>::Table& table) {
    if constexpr (sums_fit(rows, columns, channels)) {
        table[rows][columns][0] = &sum_group<T, shared, channels, rows, columns, false>;
        table[rows][columns][1] = &sum_group<T, shared, channels, rows, columns, true>;
    }
}

template <class T, bool shared, int channels, int... tap>
constexpr void fill_table(typename GroupSumKernels<T>::Table& table, std::integer_sequence<int, tap...>) {
    constexpr int columns = GroupSumKernels<T>::max_columns;
    (fill<T, shared, channels, tap / columns + 1, tap % columns + 1>(table), ...);
}

/// Groups of two fill a vector only where it is one.
template <class T>
constexpr GroupSumKernels<T> make_kernels() {
    using Kernels = GroupSumKernels<T>;
    constexpr auto taps = std::make_integer_sequence<int, Kernels::max_rows * Kernels::max_columns>{};
    Kernels kernels{};
    if constexpr (vec<T>::lanes > Kernels::few) fill_table<T, true, Kernels::few>(kernels.few_shared, taps);
    else fill_table<T, false, Kernels::few>(kernels.few_filled, taps);
    if constexpr (vec<T>::lanes > Kernels::many) fill_table<T, true, Kernels::many>(kernels.many_shared, taps);
    fill_table<T, false, Kernels::many>(kernels.many_filled, taps);
    return kernels;
}

}  // namespace

extern constinit const GroupSumKernels<float> group_sum_kernels_f32 = make_kernels<float>();
extern constinit const GroupSumKernels<double> group_sum_kernels_f64 = make_kernels<double>();

}  // namespace backgrad::BACKGRAD_ISA
