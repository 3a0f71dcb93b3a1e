#pragma once

#include "simd/index_avx512.hpp"
#include "simd/vec_avx512.hpp"

#include <type_traits>

namespace backgrad::BACKGRAD_ISA {
namespace {

inline vec<float> load_halves(const float* low, const float* high) {
    return {_mm512_mask_broadcast_f32x8(_mm512_castps256_ps512(_mm256_loadu_ps(low)), 0xFF00, _mm256_loadu_ps(high))};
}

inline vec<double> load_halves(const double* low, const double* high) {
    return {_mm512_mask_broadcast_f64x4(_mm512_castpd256_pd512(_mm256_loadu_pd(low)), 0xF0, _mm256_loadu_pd(high))};
}

template <class T, class E>
inline index_vec<T> load_index_halves(const E* low, const E* high) {
    if constexpr (std::is_same_v<T, float> && std::is_same_v<E, std::int32_t>) {
        const __m256i lower = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(low));
        const __m256i upper = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(high));
        return {_mm512_mask_broadcast_i32x8(_mm512_castsi256_si512(lower), 0xFF00, upper)};
    } else if constexpr (std::is_same_v<E, std::int32_t>) {
        const __m128i lower = _mm_loadu_si128(reinterpret_cast<const __m128i*>(low));
        const __m128i upper = _mm_loadu_si128(reinterpret_cast<const __m128i*>(high));
        return {_mm256_mask_broadcast_i32x4(_mm256_castsi128_si256(lower), 0xF0, upper)};
    } else if constexpr (std::is_same_v<T, float>) {
        return {_mm512_cvtepu8_epi32(_mm_unpacklo_epi64(_mm_loadu_si64(low), _mm_loadu_si64(high)))};
    } else {
        return {_mm256_cvtepu8_epi32(_mm_unpacklo_epi32(_mm_loadu_si32(low), _mm_loadu_si32(high)))};
    }
}

inline void store_halves(vec<float> a, float* low, float* high) {
    _mm256_storeu_ps(low, _mm512_castps512_ps256(a.value));
    _mm256_storeu_ps(high, _mm512_extractf32x8_ps(a.value, 1));
}

inline void store_halves(vec<double> a, double* low, double* high) {
    _mm256_storeu_pd(low, _mm512_castpd512_pd256(a.value));
    _mm256_storeu_pd(high, _mm512_extractf64x4_pd(a.value, 1));
}

inline void store_halves(index_vec<float> a, std::uint8_t* low, std::uint8_t* high) {
    const __m128i bytes = _mm512_cvtepi32_epi8(a.value);
    _mm_storeu_si64(low, bytes);
    _mm_storeu_si64(high, _mm_unpackhi_epi64(bytes, bytes));
}

inline void store_halves(index_vec<double> a, std::uint8_t* low, std::uint8_t* high) {
    const __m128i bytes = _mm256_cvtepi32_epi8(a.value);
    _mm_storeu_si32(low, bytes);
    _mm_storeu_si32(high, _mm_srli_epi64(bytes, 32));
}

inline vec<float> upper_half(vec<float> a) { return {_mm512_castps256_ps512(_mm512_extractf32x8_ps(a.value, 1))}; }
inline vec<double> upper_half(vec<double> a) { return {_mm512_castpd256_pd512(_mm512_extractf64x4_pd(a.value, 1))}; }

template <int n>
inline vec<float> shift_lanes(vec<float> a, __mmask16 mask) {
    const __m512i v = _mm512_castps_si512(a.value), zero = _mm512_setzero_si512();
    if constexpr (n == 0) return {_mm512_maskz_mov_ps(mask, a.value)};
    else if constexpr (n > 0) return {_mm512_castsi512_ps(_mm512_maskz_alignr_epi32(mask, v, zero, 16 - n))};
    else return {_mm512_castsi512_ps(_mm512_maskz_alignr_epi32(mask, zero, v, -n))};
}

template <int n>
inline vec<double> shift_lanes(vec<double> a, __mmask8 mask) {
    const __m512i v = _mm512_castpd_si512(a.value), zero = _mm512_setzero_si512();
    if constexpr (n == 0) return {_mm512_maskz_mov_pd(mask, a.value)};
    else if constexpr (n > 0) return {_mm512_castsi512_pd(_mm512_maskz_alignr_epi64(mask, v, zero, 8 - n))};
    else return {_mm512_castsi512_pd(_mm512_maskz_alignr_epi64(mask, zero, v, -n))};
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
