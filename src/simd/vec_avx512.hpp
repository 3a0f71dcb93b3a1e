#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace backgrad::BACKGRAD_ISA {
namespace {

template <class T>
struct vec;

template <>
struct vec<float> {
    static constexpr int lanes = 16;
    using mask = __mmask16;
    __m512 value;

    static vec zero() { return {_mm512_setzero_ps()}; }
    static vec broadcast(float x) { return {_mm512_set1_ps(x)}; }
    static vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
    static vec load_first(const float* p, int n) { return {_mm512_maskz_loadu_ps(first(n), p)}; }
    friend vec even(vec a, vec b) {
        const __m512i order = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        return {_mm512_permutex2var_ps(a.value, order, b.value)};
    }
    friend vec permute(vec a, const std::int32_t* order) {
        return {_mm512_permutexvar_ps(_mm512_loadu_si512(order), a.value)};
    }
    static vec load_bits(const float* p, unsigned bits) { return {_mm512_maskz_loadu_ps(mask_of_bits(bits), p)}; }
    static mask mask_of_bits(unsigned bits) { return static_cast<mask>(bits); }
    static unsigned bits_of(mask m) { return m; }
    static mask both(mask a, mask b) { return static_cast<mask>(a & b); }
    void store(float* p) const { _mm512_storeu_ps(p, value); }
    void store_first(float* p, int n) const { _mm512_mask_storeu_ps(p, first(n), value); }
    void stream(float* p) const { _mm512_stream_ps(p, value); }

    friend vec operator+(vec a, vec b) { return {_mm512_add_ps(a.value, b.value)}; }
    friend vec operator-(vec a, vec b) { return {_mm512_sub_ps(a.value, b.value)}; }
    friend vec operator*(vec a, vec b) { return {_mm512_mul_ps(a.value, b.value)}; }
    friend vec operator/(vec a, vec b) { return {_mm512_div_ps(a.value, b.value)}; }
    friend vec fma(vec a, vec b, vec c) { return {_mm512_fmadd_ps(a.value, b.value, c.value)}; }
    friend vec min(vec a, vec b) { return {_mm512_min_ps(a.value, b.value)}; }
    friend vec max(vec a, vec b) { return {_mm512_max_ps(a.value, b.value)}; }
    friend vec minus_absolute(vec a) { return {_mm512_or_ps(a.value, _mm512_set1_ps(-0.0F))}; }
    friend vec shift_exponent(vec a, vec n) {
        const __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(n.value), 23);
        return {_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a.value), exponent))};
    }
    friend mask less(vec a, vec b) { return _mm512_cmp_ps_mask(a.value, b.value, _CMP_LT_OQ); }
    friend mask less_equal(vec a, vec b) { return _mm512_cmp_ps_mask(a.value, b.value, _CMP_LE_OQ); }
    friend mask equal(vec a, vec b) { return _mm512_cmp_ps_mask(a.value, b.value, _CMP_EQ_OQ); }
    friend mask is_nan(vec a) { return _mm512_cmp_ps_mask(a.value, a.value, _CMP_UNORD_Q); }
    friend mask exceeds(vec a, vec b) {
        return _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(b.value, b.value, _CMP_ORD_Q), a.value, b.value, _CMP_NLE_UQ);
    }
    friend vec merge_nans(vec a, vec b) { return {_mm512_or_ps(a.value, b.value)}; }
    friend bool any_nan(vec a) { return is_nan(a) != 0; }
    friend float greatest_lane(vec a) { return _mm512_reduce_max_ps(a.value); }
    friend vec select(mask m, vec a, vec b) { return {_mm512_mask_blend_ps(m, b.value, a.value)}; }
    friend vec add_where(mask m, vec a, vec b) { return {_mm512_mask_add_ps(a.value, m, a.value, b.value)}; }

private:
    static mask first(int n) { return static_cast<mask>((1u << n) - 1u); }
};

template <>
struct vec<double> {
    static constexpr int lanes = 8;
    using mask = __mmask8;
    __m512d value;

    static vec zero() { return {_mm512_setzero_pd()}; }
    static vec broadcast(double x) { return {_mm512_set1_pd(x)}; }
    static vec load(const double* p) { return {_mm512_loadu_pd(p)}; }
    static vec load_first(const double* p, int n) { return {_mm512_maskz_loadu_pd(first(n), p)}; }
    friend vec even(vec a, vec b) {
        const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
        return {_mm512_permutex2var_pd(a.value, order, b.value)};
    }
    friend vec permute(vec a, const std::int32_t* order) {
        const __m256i lanes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(order));
        return {_mm512_permutexvar_pd(_mm512_cvtepi32_epi64(lanes), a.value)};
    }
    static vec load_bits(const double* p, unsigned bits) { return {_mm512_maskz_loadu_pd(mask_of_bits(bits), p)}; }
    static mask mask_of_bits(unsigned bits) { return static_cast<mask>(bits); }
    static unsigned bits_of(mask m) { return m; }
    static mask both(mask a, mask b) { return static_cast<mask>(a & b); }
    void store(double* p) const { _mm512_storeu_pd(p, value); }
    void store_first(double* p, int n) const { _mm512_mask_storeu_pd(p, first(n), value); }
    void stream(double* p) const { _mm512_stream_pd(p, value); }

    friend vec operator+(vec a, vec b) { return {_mm512_add_pd(a.value, b.value)}; }
    friend vec operator-(vec a, vec b) { return {_mm512_sub_pd(a.value, b.value)}; }
    friend vec operator*(vec a, vec b) { return {_mm512_mul_pd(a.value, b.value)}; }
    friend vec operator/(vec a, vec b) { return {_mm512_div_pd(a.value, b.value)}; }
    friend vec fma(vec a, vec b, vec c) { return {_mm512_fmadd_pd(a.value, b.value, c.value)}; }
    friend vec min(vec a, vec b) { return {_mm512_min_pd(a.value, b.value)}; }
    friend vec max(vec a, vec b) { return {_mm512_max_pd(a.value, b.value)}; }
    friend vec minus_absolute(vec a) { return {_mm512_or_pd(a.value, _mm512_set1_pd(-0.0))}; }
    friend vec shift_exponent(vec a, vec n) {
        const __m512i exponent = _mm512_slli_epi64(_mm512_castpd_si512(n.value), 52);
        return {_mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a.value), exponent))};
    }
    friend mask less(vec a, vec b) { return _mm512_cmp_pd_mask(a.value, b.value, _CMP_LT_OQ); }
    friend mask less_equal(vec a, vec b) { return _mm512_cmp_pd_mask(a.value, b.value, _CMP_LE_OQ); }
    friend mask equal(vec a, vec b) { return _mm512_cmp_pd_mask(a.value, b.value, _CMP_EQ_OQ); }
    friend mask is_nan(vec a) { return _mm512_cmp_pd_mask(a.value, a.value, _CMP_UNORD_Q); }
    friend mask exceeds(vec a, vec b) {
        return _mm512_mask_cmp_pd_mask(_mm512_cmp_pd_mask(b.value, b.value, _CMP_ORD_Q), a.value, b.value, _CMP_NLE_UQ);
    }
    friend vec merge_nans(vec a, vec b) { return {_mm512_or_pd(a.value, b.value)}; }
    friend bool any_nan(vec a) { return is_nan(a) != 0; }
    friend double greatest_lane(vec a) { return _mm512_reduce_max_pd(a.value); }
    friend vec select(mask m, vec a, vec b) { return {_mm512_mask_blend_pd(m, b.value, a.value)}; }
    friend vec add_where(mask m, vec a, vec b) { return {_mm512_mask_add_pd(a.value, m, a.value, b.value)}; }

private:
    static mask first(int n) { return static_cast<mask>((1u << n) - 1u); }
};

inline void stream_fence() { _mm_sfence(); }

inline void transpose(vec<float> (&r)[16]) {
    __m512 t[16], u[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i].value, r[i + 1].value);
        t[i + 1] = _mm512_unpackhi_ps(r[i].value, r[i + 1].value);
    }
    for (int i = 0; i < 16; i += 4) {
        u[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xEE);
        u[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
    for (int i = 0; i < 4; ++i) {
        const __m512 a = _mm512_shuffle_f32x4(u[i], u[i + 4], 0x88), b = _mm512_shuffle_f32x4(u[i], u[i + 4], 0xDD);
        const __m512 c = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0x88);
        const __m512 d = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0xDD);
        r[i].value = _mm512_shuffle_f32x4(a, c, 0x88);
        r[i + 4].value = _mm512_shuffle_f32x4(b, d, 0x88);
        r[i + 8].value = _mm512_shuffle_f32x4(a, c, 0xDD);
        r[i + 12].value = _mm512_shuffle_f32x4(b, d, 0xDD);
    }
}

inline void transpose(vec<double> (&r)[8]) {
    __m512d t[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm512_unpacklo_pd(r[i].value, r[i + 1].value);
        t[i + 1] = _mm512_unpackhi_pd(r[i].value, r[i + 1].value);
    }
    for (int i = 0; i < 2; ++i) {
        const __m512d a = _mm512_shuffle_f64x2(t[i], t[i + 2], 0x88), b = _mm512_shuffle_f64x2(t[i], t[i + 2], 0xDD);
        const __m512d c = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0x88);
        const __m512d d = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0xDD);
        r[i].value = _mm512_shuffle_f64x2(a, c, 0x88);
        r[i + 2].value = _mm512_shuffle_f64x2(b, d, 0x88);
        r[i + 4].value = _mm512_shuffle_f64x2(a, c, 0xDD);
        r[i + 6].value = _mm512_shuffle_f64x2(b, d, 0xDD);
    }
}

/// Forbids the compiler to load `x` again from memory at each use: with few uses it would fold the load into them and
/// trade one load for many.
template <class T>
inline void keep_in_register(vec<T>& x) {
    asm("" : "+v"(x.value));
}

/// Asks for the cache line at `p` without waiting for it; any address is allowed.
inline void prefetch_to_l2(const void* p) { __builtin_prefetch(p, 0, 2); }
inline void prefetch_to_l1(const void* p) { __builtin_prefetch(p, 0, 3); }
inline void prefetch_to_write(const void* p) { __builtin_prefetch(p, 1, 3); }

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
