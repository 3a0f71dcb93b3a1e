#pragma once

#include "kernels/channel_vectors.hpp"
#include "simd/index.hpp"

#include <cstdint>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Calls move(phase, of_phase, of_row, n) for vectors that together are `pixels` pixels of `channels` elements: element
/// `of_row` of a row is element `of_phase` of its phase. n is how many lanes may be touched. Pixels ascend, and a whole
/// vector may reach into the pixels behind, which come later.
template <class T, class Move>
[[gnu::always_inline]] inline void for_each_pixel(std::int64_t pixels, std::int64_t channels, std::int64_t stride,
                                                  const Move& move) {
    constexpr int lanes = vec<T>::lanes;
    const std::int64_t elements = pixels * channels;
    std::int64_t begin = 0, phase_begin = 0, phase = 0;
    for (; begin < elements; begin += channels) {
        for (std::int64_t c = 0; c < channels; c += lanes) {
            const bool whole = elements - begin - c >= lanes;
            move(phase, phase_begin + c, begin + c, whole ? lanes : static_cast<int>(elements - begin - c));
        }
        if (++phase < stride) continue;
        phase = 0;
        phase_begin += channels;
    }
}

/// The first n lanes of v, `rest` in the others.
template <class T>
[[gnu::always_inline]] inline vec<T> first_of(vec<T> v, int n, vec<T> rest) {
    return n >= vec<T>::lanes ? v : select(vec<T>::mask_of_bits((1u << n) - 1u), v, rest);
}

/// Every second element of a row, in whole vectors that end with `rest`.
template <class T>
void split_pairs(const T* row, std::int64_t width, T* evens, T* odds, vec<T> rest) {
    constexpr int lanes = vec<T>::lanes;
    for (std::int64_t k = 0; 2 * k < width; k += lanes) {
        const std::int64_t left = width - 2 * k;
        vec<T> even{}, odd{};
        if (left >= 2 * lanes) {
            deinterleave(vec<T>::load(row + 2 * k), vec<T>::load(row + 2 * k + lanes), even, odd);
        } else {
            const int n = static_cast<int>(left), low = n < lanes ? n : lanes;
            const vec<T> high = n > lanes ? vec<T>::load_first(row + 2 * k + lanes, n - lanes) : rest;
            deinterleave(load_some(row + 2 * k, low), high, even, odd);
            even = first_of(even, (n + 1) / 2, rest);
            odd = first_of(odd, n / 2, rest);
        }
        even.store(evens + k);
        odd.store(odds + k);
    }
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
