#pragma once

#include "simd/vec_avx512.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

template <class T>
struct index_vec;

template <>
struct index_vec<float> {
    using mask = __mmask16;
    __m512i value;

    static index_vec truncate(vec<float> v) { return {_mm512_cvttps_epi32(v.value)}; }
    static index_vec broadcast(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
    static index_vec iota() { return {_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)}; }
    static index_vec load(const std::int32_t* p) { return {_mm512_loadu_si512(p)}; }
    static index_vec load(const std::uint8_t* p) {
        return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
    }
    static index_vec load_first(const std::int32_t* p, int n) { return {_mm512_maskz_loadu_epi32(first(n), p)}; }
    static index_vec load_first(const std::uint8_t* p, int n) {
        return {_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first(n), p))};
    }
    static index_vec load_bits(const std::int32_t* p, unsigned bits) {
        return {_mm512_maskz_loadu_epi32(static_cast<mask>(bits), p)};
    }
    void store(std::int32_t* p) const { _mm512_storeu_si512(p, value); }
    void store(std::uint8_t* p) const { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(value)); }

    friend index_vec operator+(index_vec a, index_vec b) { return {_mm512_add_epi32(a.value, b.value)}; }
    friend index_vec operator-(index_vec a, index_vec b) { return {_mm512_sub_epi32(a.value, b.value)}; }
    friend index_vec operator*(index_vec a, index_vec b) { return {_mm512_mullo_epi32(a.value, b.value)}; }
    friend index_vec operator|(index_vec a, index_vec b) { return {_mm512_or_si512(a.value, b.value)}; }
    friend index_vec sign(index_vec a) { return {_mm512_srai_epi32(a.value, 31)}; }
    friend index_vec high_half(index_vec a) { return {_mm512_srli_epi32(a.value, 16)}; }
    friend mask equal(index_vec a, index_vec b) { return _mm512_cmpeq_epi32_mask(a.value, b.value); }
    friend mask negative(index_vec a) { return _mm512_movepi32_mask(a.value); }
    friend index_vec select(mask m, index_vec a, index_vec b) { return {_mm512_mask_blend_epi32(m, b.value, a.value)}; }
    friend vec<float> lookup(const float* p, index_vec a) {
        const __m512i in_table = _mm512_and_si512(a.value, _mm512_set1_epi32(7));
        return {_mm512_permutexvar_ps(in_table, _mm512_castps256_ps512(_mm256_loadu_ps(p)))};
    }
    friend vec<float> permute(vec<float> v, index_vec a) { return {_mm512_permutexvar_ps(a.value, v.value)}; }
    friend index_vec permute(index_vec v, index_vec a) { return {_mm512_permutexvar_epi32(a.value, v.value)}; }
    friend vec<float> permute_pair(vec<float> low, vec<float> high, index_vec a) {
        return {_mm512_permutex2var_ps(low.value, a.value, high.value)};
    }

private:
    static mask first(int n) { return static_cast<mask>((1u << n) - 1u); }
};

template <>
struct index_vec<double> {
    using mask = __mmask8;
    __m256i value;

    static index_vec truncate(vec<double> v) { return {_mm512_cvttpd_epi32(v.value)}; }
    static index_vec broadcast(std::int32_t x) { return {_mm256_set1_epi32(x)}; }
    static index_vec iota() { return {_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)}; }
    static index_vec load(const std::int32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
    static index_vec load(const std::uint8_t* p) {
        return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
    }
    static index_vec load_first(const std::int32_t* p, int n) { return {_mm256_maskz_loadu_epi32(first(n), p)}; }
    static index_vec load_first(const std::uint8_t* p, int n) {
        return {_mm256_cvtepu8_epi32(_mm_maskz_loadu_epi8(first(n), p))};
    }
    static index_vec load_bits(const std::int32_t* p, unsigned bits) {
        return {_mm256_maskz_loadu_epi32(static_cast<mask>(bits), p)};
    }
    void store(std::int32_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), value); }
    void store(std::uint8_t* p) const { _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm256_cvtepi32_epi8(value)); }

    friend index_vec operator+(index_vec a, index_vec b) { return {_mm256_add_epi32(a.value, b.value)}; }
    friend index_vec operator-(index_vec a, index_vec b) { return {_mm256_sub_epi32(a.value, b.value)}; }
    friend index_vec operator*(index_vec a, index_vec b) { return {_mm256_mullo_epi32(a.value, b.value)}; }
    friend index_vec operator|(index_vec a, index_vec b) { return {_mm256_or_si256(a.value, b.value)}; }
    friend index_vec sign(index_vec a) { return {_mm256_srai_epi32(a.value, 31)}; }
    friend index_vec high_half(index_vec a) { return {_mm256_srli_epi32(a.value, 16)}; }
    friend mask equal(index_vec a, index_vec b) { return _mm256_cmpeq_epi32_mask(a.value, b.value); }
    friend mask negative(index_vec a) { return static_cast<mask>(_mm256_movepi32_mask(a.value)); }
    friend index_vec select(mask m, index_vec a, index_vec b) { return {_mm256_mask_blend_epi32(m, b.value, a.value)}; }
    friend vec<double> lookup(const double* p, index_vec a) { return permute(vec<double>::load(p), a); }
    friend vec<double> permute(vec<double> v, index_vec a) {
        return {_mm512_permutexvar_pd(_mm512_cvtepi32_epi64(a.value), v.value)};
    }
    friend index_vec permute(index_vec v, index_vec a) { return {_mm256_permutevar8x32_epi32(v.value, a.value)}; }
    friend vec<double> permute_pair(vec<double> low, vec<double> high, index_vec a) {
        return {_mm512_permutex2var_pd(low.value, _mm512_cvtepi32_epi64(a.value), high.value)};
    }

private:
    static mask first(int n) { return static_cast<mask>((1u << n) - 1u); }
};

inline void deinterleave(vec<float> a, vec<float> b, vec<float>& even, vec<float>& odd) {
    const __m512i evens = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    even.value = _mm512_permutex2var_ps(a.value, evens, b.value);
    odd.value = _mm512_permutex2var_ps(a.value, _mm512_add_epi32(evens, _mm512_set1_epi32(1)), b.value);
}

inline void deinterleave(vec<double> a, vec<double> b, vec<double>& even, vec<double>& odd) {
    const __m512i evens = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    even.value = _mm512_permutex2var_pd(a.value, evens, b.value);
    odd.value = _mm512_permutex2var_pd(a.value, _mm512_add_epi64(evens, _mm512_set1_epi64(1)), b.value);
}

/// The reverse: low and high together are a[0], b[0], a[1], b[1], ...
inline void interleave(vec<float> a, vec<float> b, vec<float>& low, vec<float>& high) {
    const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    low.value = _mm512_permutex2var_ps(a.value, first, b.value);
    high.value = _mm512_permutex2var_ps(a.value, _mm512_add_epi32(first, _mm512_set1_epi32(8)), b.value);
}

inline void interleave(vec<double> a, vec<double> b, vec<double>& low, vec<double>& high) {
    const __m512i first = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
    low.value = _mm512_permutex2var_pd(a.value, first, b.value);
    high.value = _mm512_permutex2var_pd(a.value, _mm512_add_epi64(first, _mm512_set1_epi64(4)), b.value);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
