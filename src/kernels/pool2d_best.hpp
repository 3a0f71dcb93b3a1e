#pragma once

#include "kernels/unrolled.hpp"
#include "simd/index.hpp"
#include "simd/vec.hpp"

#include <cstddef>
#include <cstdint>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// In each lane, the greatest cell of a window so far.
template <class T>
struct BestCell {
    vec<T> value;
    index_vec<T> position;

    /// Takes what comes later in row-major order if it is greater, or the first NaN; `ordered` promises that there is
    /// none, which makes it three times as fast.
    template <bool ordered = false>
    [[gnu::always_inline]] void take(const BestCell& later) {
        if constexpr (ordered) {
            position = select(less(value, later.value), later.position, position);
            value = max(later.value, value);
        } else {
            const auto replace = exceeds(later.value, value);
            value = select(replace, later.value, value);
            position = select(replace, later.position, position);
        }
    }
};

/// Finds out whether numbers are finite: times zero, a NaN or an infinity is a NaN.
template <class T>
struct FiniteCheck {
    vec<T> sum = vec<T>::zero();

    [[gnu::always_inline]] void look_at(vec<T> v) { sum = fma(v, vec<T>::zero(), sum); }

    template <std::size_t size>
    [[gnu::always_inline]] static bool passed(const FiniteCheck (&checks)[size]) {
        vec<T> sum = checks[0].sum;
        for (std::size_t k = 1; k < size; ++k) sum = sum + checks[k].sum;
        return !any_nan(sum);
    }
};

template <class T>
[[gnu::noinline]] bool all_finite(const T* p, std::int64_t count) {
    constexpr int lanes = vec<T>::lanes, chains = 4;
    FiniteCheck<T> checks[chains];
    std::int64_t k = 0;
    for (; k + chains * lanes <= count; k += chains * lanes) {
        unrolled<chains>([&](auto v) { checks[v].look_at(vec<T>::load(p + k + v * lanes)); });
    }
    for (; k < count; k += lanes) {
        checks[0].look_at(vec<T>::load_first(p + k, static_cast<int>(count - k < lanes ? count - k : lanes)));
    }
    return FiniteCheck<T>::passed(checks);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
