#pragma once

#include "simd/vec.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

template <class T>
struct ExponentialConstants;

template <>
struct ExponentialConstants<float> {
    static constexpr float round = 0x1.8p23F;        ///< adding it rounds to a whole number, in the low bits
    static constexpr float ln2_high = 0x1.62e4p-1F;  ///< 15 bits: times 7-bit numbers it is exact without fma too
    static constexpr float ln2_low = 0x1.7f7d1cp-20F;
    static constexpr float lowest = -87.0F;  ///< e^lowest is normal
    static constexpr int degree = 7;         ///< 0.3466^8 / 8! = 5e-9: a twelfth of a unit in the last place
};

template <>
struct ExponentialConstants<double> {
    static constexpr double round = 0x1.8p52;
    static constexpr double ln2_high = 0x1.62e42feep-1;  ///< 32 bits
    static constexpr double ln2_low = 0x1.a39ef35793c76p-33;
    static constexpr double lowest = -708.0;
    static constexpr int degree = 13;  ///< 0.3466^14 / 14! = 4e-18
};

constexpr double reciprocal_factorial(int n) {
    double factorial = 1;
    for (int k = 2; k <= n; ++k) factorial *= k;
    return 1 / factorial;
}

/// Every second term of the exponential series from 1/2! or 1/3! to 1/degree!, by Horner's rule.
template <class T, int degree>
[[gnu::always_inline]] inline vec<T> series_from(vec<T> square) {
    vec<T> series = vec<T>::broadcast(T(reciprocal_factorial(degree)));
#pragma GCC unroll 16
    for (int k = degree - 2; k >= 2; k -= 2) {
        series = fma(series, square, vec<T>::broadcast(T(reciprocal_factorial(k))));
    }
    return series;
}

/// t = whole * ln 2 + r, |r| <= ln 2 / 2.
template <class T>
struct ReducedExponent {
    vec<T> whole;     ///< plus ExponentialConstants::round
    vec<T> fraction;  ///< e^r = 1 + fraction, which is about a unit in its last place off
};

/// Inlined by hand: the compiler takes it for too large, and a call saves and loads all vectors that live across it.
///
/// Taylor's series after the argument is reduced by multiples of ln 2 (Cody and Waite 1980).
template <class T>
[[gnu::always_inline]] inline ReducedExponent<T> reduce_exponent(vec<T> t) {
    using Constants = ExponentialConstants<T>;
    const vec<T> round = vec<T>::broadcast(Constants::round);
    const vec<T> whole = fma(t, vec<T>::broadcast(T(1.4426950408889634)), round);
    const vec<T> n = whole - round;
    const vec<T> high = fma(n, vec<T>::broadcast(-Constants::ln2_high), t);
    const vec<T> low = n * vec<T>::broadcast(-Constants::ln2_low), r = high + low;
    // Even and odd powers apart: two chains of half the length.
    const vec<T> square = r * r, even = series_from<T, Constants::degree - 1>(square);
    const vec<T> odd = series_from<T, Constants::degree>(square), series = fma(odd, r, even);
    return {whole, high + fma(series, square, low)};
}

/// e^t as power * (1 + fraction), where power is 2^n and fraction about a unit in its own last place off.
template <class T>
struct SplitExponential {
    vec<T> power, fraction;
    vec<T> value;  ///< rounded, at most 1 ulp off
};

/// For t between ExponentialConstants::lowest and 0; below, anything.
template <class T>
[[gnu::always_inline]] inline SplitExponential<T> split_exponential(vec<T> t) {
    const ReducedExponent<T> e = reduce_exponent(t);
    // A product and not an addition to the exponent, so that a NaN stays one.
    const vec<T> power = shift_exponent(vec<T>::broadcast(T(1)), e.whole);
    return {power, e.fraction, fma(power, e.fraction, power)};
}

/// Where e^t counts as zero.
template <class T>
[[gnu::always_inline]] inline auto below_exponential(vec<T> t) {
    return less(t, vec<T>::broadcast(ExponentialConstants<T>::lowest));
}

/// e^t for t <= 0, 0 below ExponentialConstants::lowest. At most 1 ulp off where it is not 0.
template <class T>
[[gnu::always_inline]] inline vec<T> exponential(vec<T> t) {
    return select(below_exponential(t), vec<T>::zero(), split_exponential(t).value);
}

/// 1 - e^t for t <= 0, without the cancellation near 0.
template <class T>
[[gnu::always_inline]] inline vec<T> one_minus_exponential(vec<T> t) {
    const vec<T> one = vec<T>::broadcast(T(1));
    const vec<T> lowest = vec<T>::broadcast(ExponentialConstants<T>::lowest);
    const ReducedExponent<T> e = reduce_exponent(t);
    const vec<T> power = shift_exponent(one, e.whole);
    const vec<T> value = fma(vec<T>::zero() - power, e.fraction, one - power);
    return select(less(t, lowest), one, value);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
