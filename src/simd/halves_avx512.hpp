#pragma once

#include "simd/vec_avx512.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

inline vec<float> load_halves(const float* low, const float* high) {
    return {_mm512_mask_broadcast_f32x8(_mm512_castps256_ps512(_mm256_loadu_ps(low)), 0xFF00, _mm256_loadu_ps(high))};
}

inline vec<double> load_halves(const double* low, const double* high) {
    return {_mm512_mask_broadcast_f64x4(_mm512_castpd256_pd512(_mm256_loadu_pd(low)), 0xF0, _mm256_loadu_pd(high))};
}

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
