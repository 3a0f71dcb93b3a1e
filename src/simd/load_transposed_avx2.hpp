#pragma once

#include "simd/vec_avx2.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// 16 loads and 16 shuffles instead of 8 and 24: an insertion from memory is a load and a blend.
inline void load_transposed(const float* from, std::ptrdiff_t row, vec<float> (&block)[8]) {
    for (int half = 0; half < 2; ++half, from += 4) {
        __m256 rows[4];  // rows i and i + 4
        for (int i = 0; i < 4; ++i)
            rows[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from + i * row)),
                                           _mm_loadu_ps(from + (i + 4) * row), 1);
        const __m256d low01 = _mm256_castps_pd(_mm256_unpacklo_ps(rows[0], rows[1]));
        const __m256d high01 = _mm256_castps_pd(_mm256_unpackhi_ps(rows[0], rows[1]));
        const __m256d low23 = _mm256_castps_pd(_mm256_unpacklo_ps(rows[2], rows[3]));
        const __m256d high23 = _mm256_castps_pd(_mm256_unpackhi_ps(rows[2], rows[3]));
        block[4 * half].value = _mm256_castpd_ps(_mm256_unpacklo_pd(low01, low23));
        block[4 * half + 1].value = _mm256_castpd_ps(_mm256_unpackhi_pd(low01, low23));
        block[4 * half + 2].value = _mm256_castpd_ps(_mm256_unpacklo_pd(high01, high23));
        block[4 * half + 3].value = _mm256_castpd_ps(_mm256_unpackhi_pd(high01, high23));
    }
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
