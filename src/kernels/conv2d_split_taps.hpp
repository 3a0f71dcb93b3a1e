#pragma once

#include "kernels/conv2d_vectors.hpp"
#include "kernels/unrolled.hpp"
#include "simd/vec.hpp"

#include <cstdint>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Which lane of its vector holds (channel, tap) once taps are apart: [tap][channel].
template <class T, int taps>
struct TapLanes {
    static constexpr int lanes = vec<T>::lanes;
    std::int32_t of[taps][lanes];

    constexpr TapLanes() : of{} {
        for (int t = 0; t < taps; ++t)
            for (int c = 0; c < lanes; ++c) of[t][c] = (taps * c + t) % lanes;
    }
};

/// The inverse of vec<T>::lanes, a power of 2, modulo an odd number of taps.
template <class T, int taps>
constexpr int inverse_of_lanes() {
    int inverse = 0;
    while (inverse * vec<T>::lanes % taps != 1 % taps) ++inverse;
    return inverse;
}

/// Splits as many channels as there are lanes: `taps` whole vectors, where a transpose would load one short row per
/// channel. Lane l of vector j holds an element of tap (j * lanes + l) mod taps; as the number of taps is odd, each
/// vector has a different one there. So lane l of tap t lies in vector (t - l) / lanes (mod taps): all vectors are
/// rotated by an amount that depends on the lane alone, one bit of the lane's number after the other, and the lanes of
/// each tap are put in order: 36 blends and 9 permutations for the 144 elements of 16 channels and 9 taps.
template <class T, int taps>
[[gnu::always_inline]] inline vec<T> split_channels(const T* from, T* to, std::ptrdiff_t to_row) {
    using V = vec<T>;
    constexpr int inverse = inverse_of_lanes<T, taps>();
    static constexpr TapLanes<T, taps> tap_lanes;
    V x[taps], poison = V::zero();
    unrolled<taps>([&](auto j) __attribute__((always_inline)) {
        x[j] = V::load(from + j * V::lanes);
        poison = merge_nans(poison, x[j] - x[j]);
    });
    unrolled<4>([&](auto bit) __attribute__((always_inline)) {
        constexpr int distance = 1 << bit;
        if constexpr (distance < V::lanes) {
            constexpr unsigned pattern[] = {0xaaaa, 0xcccc, 0xf0f0, 0xff00};
            const auto odd = V::mask_of_bits(pattern[bit] & ((1u << V::lanes) - 1));
            constexpr int turn = inverse * distance % taps;
            V turned[taps];
            unrolled<taps>([&](auto i) __attribute__((always_inline)) {
                turned[i] = select(odd, x[(i - turn + taps) % taps], x[i]);
            });
            unrolled<taps>([&](auto i) __attribute__((always_inline)) { x[i] = turned[i]; });
        }
    });
    unrolled<taps>([&](auto i) __attribute__((always_inline)) {
        constexpr int tap = V::lanes * i % taps;
        permute(x[i], tap_lanes.of[tap]).store(to + tap * to_row);
    });
    return poison;
}

template <class T, int taps>
bool split_taps_of(const T* from, std::int64_t channels, T* to, std::ptrdiff_t to_row) {
    vec<T> poison = vec<T>::zero();
    for (; channels > 0; channels -= vec<T>::lanes, from += taps * vec<T>::lanes, to += vec<T>::lanes)
        poison = merge_nans(poison, split_channels<T, taps>(from, to, to_row));
    return !any_nan(poison);
}

/// Splits whole vectors of channels, for small odd numbers of taps whose vectors the registers hold; null for others.
template <class T>
bool (*split_function(std::int64_t taps))(const T*, std::int64_t, T*, std::ptrdiff_t) {
    switch (taps) {
        case 3:
            return &split_taps_of<T, 3>;
        case 5:
            return &split_taps_of<T, 5>;
        case 7:
            return &split_taps_of<T, 7>;
        case 9:
            return &split_taps_of<T, 9>;
        default:
            return nullptr;
    }
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
