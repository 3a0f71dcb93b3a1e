#pragma once

#include "simd/vec_avx2.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

template <class T>
struct index_vec;

template <>
struct index_vec<float> {
    using mask = __m256;
    __m256i value;

    static index_vec truncate(vec<float> v) { return {_mm256_cvttps_epi32(v.value)}; }
    static index_vec broadcast(std::int32_t x) { return {_mm256_set1_epi32(x)}; }
    static index_vec iota() { return {_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)}; }
    static index_vec load(const std::int32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
    static index_vec load(const std::uint8_t* p) {
        return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
    }
    static index_vec load_first(const std::int32_t* p, int n) {
        return {_mm256_maskload_epi32(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), iota().value))};
    }
    static index_vec load_first(const std::uint8_t* p, int n) {
        std::uint8_t bytes[8] = {};
        for (int k = 0; k < n; ++k) bytes[k] = p[k];
        return load(bytes);
    }
    static index_vec load_bits(const std::int32_t* p, unsigned bits) {
        return {_mm256_maskload_epi32(p, _mm256_castps_si256(vec<float>::mask_of_bits(bits)))};
    }
    void store(std::int32_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), value); }
    void store(std::uint8_t* p) const {
        const __m128i low = _mm256_castsi256_si128(value), high = _mm256_extracti128_si256(value, 1);
        const __m128i halves = _mm_packus_epi32(low, high);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(halves, halves));
    }

    friend index_vec operator+(index_vec a, index_vec b) { return {_mm256_add_epi32(a.value, b.value)}; }
    friend index_vec operator-(index_vec a, index_vec b) { return {_mm256_sub_epi32(a.value, b.value)}; }
    friend index_vec operator*(index_vec a, index_vec b) { return {_mm256_mullo_epi32(a.value, b.value)}; }
    friend index_vec operator|(index_vec a, index_vec b) { return {_mm256_or_si256(a.value, b.value)}; }
    friend index_vec sign(index_vec a) { return {_mm256_srai_epi32(a.value, 31)}; }
    friend index_vec high_half(index_vec a) { return {_mm256_srli_epi32(a.value, 16)}; }
    friend mask equal(index_vec a, index_vec b) { return _mm256_castsi256_ps(_mm256_cmpeq_epi32(a.value, b.value)); }
    friend mask negative(index_vec a) { return _mm256_castsi256_ps(sign(a).value); }
    friend index_vec select(mask m, index_vec a, index_vec b) {
        return {_mm256_blendv_epi8(b.value, a.value, _mm256_castps_si256(m))};
    }
    friend vec<float> lookup(const float* p, index_vec a) { return permute(vec<float>::load(p), a); }
    friend vec<float> permute(vec<float> v, index_vec a) { return {_mm256_permutevar8x32_ps(v.value, a.value)}; }
    friend index_vec permute(index_vec v, index_vec a) { return {_mm256_permutevar8x32_epi32(v.value, a.value)}; }
    friend vec<float> permute_pair(vec<float> low, vec<float> high, index_vec a) {
        const __m256 from_high = _mm256_castsi256_ps(_mm256_slli_epi32(a.value, 28));
        return {_mm256_blendv_ps(permute(low, a).value, permute(high, a).value, from_high)};
    }
};

template <>
struct index_vec<double> {
    using mask = __m256d;
    __m128i value;

    static index_vec truncate(vec<double> v) { return {_mm256_cvttpd_epi32(v.value)}; }
    static index_vec broadcast(std::int32_t x) { return {_mm_set1_epi32(x)}; }
    static index_vec iota() { return {_mm_setr_epi32(0, 1, 2, 3)}; }
    static index_vec load(const std::int32_t* p) { return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))}; }
    static index_vec load(const std::uint8_t* p) { return {_mm_cvtepu8_epi32(_mm_loadu_si32(p))}; }
    static index_vec load_first(const std::int32_t* p, int n) {
        return {_mm_maskload_epi32(p, _mm_cmpgt_epi32(_mm_set1_epi32(n), iota().value))};
    }
    static index_vec load_first(const std::uint8_t* p, int n) {
        std::uint8_t bytes[4] = {};
        for (int k = 0; k < n; ++k) bytes[k] = p[k];
        return load(bytes);
    }
    static index_vec load_bits(const std::int32_t* p, unsigned bits) {
        const __m128i lane_bits = _mm_setr_epi32(1, 2, 4, 8);
        const __m128i set = _mm_and_si128(_mm_set1_epi32(static_cast<int>(bits)), lane_bits);
        return {_mm_maskload_epi32(p, _mm_cmpeq_epi32(set, lane_bits))};
    }
    void store(std::int32_t* p) const { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), value); }
    void store(std::uint8_t* p) const {
        const __m128i halves = _mm_packus_epi32(value, value);
        _mm_storeu_si32(p, _mm_packus_epi16(halves, halves));
    }

    friend index_vec operator+(index_vec a, index_vec b) { return {_mm_add_epi32(a.value, b.value)}; }
    friend index_vec operator-(index_vec a, index_vec b) { return {_mm_sub_epi32(a.value, b.value)}; }
    friend index_vec operator*(index_vec a, index_vec b) { return {_mm_mullo_epi32(a.value, b.value)}; }
    friend index_vec operator|(index_vec a, index_vec b) { return {_mm_or_si128(a.value, b.value)}; }
    friend index_vec sign(index_vec a) { return {_mm_srai_epi32(a.value, 31)}; }
    friend index_vec high_half(index_vec a) { return {_mm_srli_epi32(a.value, 16)}; }
    friend mask equal(index_vec a, index_vec b) { return widen(_mm_cmpeq_epi32(a.value, b.value)); }
    friend mask negative(index_vec a) { return widen(sign(a).value); }
    friend index_vec select(mask m, index_vec a, index_vec b) {
        const __m256i low =
            _mm256_permutevar8x32_epi32(_mm256_castpd_si256(m), _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
        return {_mm_blendv_epi8(b.value, a.value, _mm256_castsi256_si128(low))};
    }
    friend vec<double> lookup(const double* p, index_vec a) {
        const __m256d all = _mm256_castsi256_pd(_mm256_set1_epi64x(-1));
        const __m128i in_table = _mm_and_si128(a.value, _mm_set1_epi32(7));
        return {_mm256_mask_i32gather_pd(_mm256_setzero_pd(), p, in_table, all, 8)};
    }
    friend vec<double> permute(vec<double> v, index_vec a) {
        // A double is two 32-bit halves: lane k takes the halves 2 a[k] and 2 a[k] + 1.
        const __m256i twice = _mm256_slli_epi64(_mm256_cvtepu32_epi64(a.value), 1);
        const __m256i halves = _mm256_or_si256(_mm256_or_si256(twice, _mm256_slli_epi64(twice, 32)),
                                               _mm256_set1_epi64x(std::int64_t{1} << 32));
        return {_mm256_castps_pd(_mm256_permutevar8x32_ps(_mm256_castpd_ps(v.value), halves))};
    }
    friend index_vec permute(index_vec v, index_vec a) {
        return {_mm_castps_si128(_mm_permutevar_ps(_mm_castsi128_ps(v.value), a.value))};
    }
    friend vec<double> permute_pair(vec<double> low, vec<double> high, index_vec a) {
        const __m256d from_high = _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_cvtepu32_epi64(a.value), 61));
        return {_mm256_blendv_pd(permute(low, a).value, permute(high, a).value, from_high)};
    }

private:
    static mask widen(__m128i lanes) { return _mm256_castsi256_pd(_mm256_cvtepi32_epi64(lanes)); }
};

inline void deinterleave(vec<float> a, vec<float> b, vec<float>& even, vec<float>& odd) {
    const __m256 evens = _mm256_shuffle_ps(a.value, b.value, 0x88), odds = _mm256_shuffle_ps(a.value, b.value, 0xDD);
    even.value = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(evens), 0xD8));
    odd.value = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(odds), 0xD8));
}

inline void deinterleave(vec<double> a, vec<double> b, vec<double>& even, vec<double>& odd) {
    even.value = _mm256_permute4x64_pd(_mm256_unpacklo_pd(a.value, b.value), 0xD8);
    odd.value = _mm256_permute4x64_pd(_mm256_unpackhi_pd(a.value, b.value), 0xD8);
}

/// The reverse: low and high together are a[0], b[0], a[1], b[1], ...
inline void interleave(vec<float> a, vec<float> b, vec<float>& low, vec<float>& high) {
    const __m256 even = _mm256_unpacklo_ps(a.value, b.value), odd = _mm256_unpackhi_ps(a.value, b.value);
    low.value = _mm256_permute2f128_ps(even, odd, 0x20);
    high.value = _mm256_permute2f128_ps(even, odd, 0x31);
}

inline void interleave(vec<double> a, vec<double> b, vec<double>& low, vec<double>& high) {
    const __m256d even = _mm256_unpacklo_pd(a.value, b.value), odd = _mm256_unpackhi_pd(a.value, b.value);
    low.value = _mm256_permute2f128_pd(even, odd, 0x20);
    high.value = _mm256_permute2f128_pd(even, odd, 0x31);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
