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
    static constexpr int lanes = 8;
    using mask = __m256;
    __m256 value;

    static vec zero() { return {_mm256_setzero_ps()}; }
    static vec broadcast(float x) { return {_mm256_set1_ps(x)}; }
    static vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
    static vec load_first(const float* p, int n) { return {_mm256_maskload_ps(p, first(n))}; }
    friend vec even(vec a, vec b) {
        const __m256 pairs = _mm256_shuffle_ps(a.value, b.value, 0x88);
        return {_mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(pairs), 0xD8))};
    }
    friend vec permute(vec a, const std::int32_t* order) {
        return {_mm256_permutevar8x32_ps(a.value, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(order)))};
    }
    static vec load_bits(const float* p, unsigned bits) {
        return {_mm256_maskload_ps(p, _mm256_castps_si256(mask_of_bits(bits)))};
    }
    static mask mask_of_bits(unsigned bits) {
        const __m256i lane_bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
        const __m256i set = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits)), lane_bits);
        return _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, lane_bits));
    }
    static unsigned bits_of(mask m) { return static_cast<unsigned>(_mm256_movemask_ps(m)); }
    static mask both(mask a, mask b) { return _mm256_and_ps(a, b); }
    void store(float* p) const { _mm256_storeu_ps(p, value); }
    void store_first(float* p, int n) const { _mm256_maskstore_ps(p, first(n), value); }
    void stream(float* p) const { _mm256_stream_ps(p, value); }

    friend vec operator+(vec a, vec b) { return {_mm256_add_ps(a.value, b.value)}; }
    friend vec operator-(vec a, vec b) { return {_mm256_sub_ps(a.value, b.value)}; }
    friend vec operator*(vec a, vec b) { return {_mm256_mul_ps(a.value, b.value)}; }
    friend vec operator/(vec a, vec b) { return {_mm256_div_ps(a.value, b.value)}; }
    friend vec fma(vec a, vec b, vec c) { return {_mm256_fmadd_ps(a.value, b.value, c.value)}; }
    friend vec min(vec a, vec b) { return {_mm256_min_ps(a.value, b.value)}; }
    friend vec max(vec a, vec b) { return {_mm256_max_ps(a.value, b.value)}; }
    friend vec minus_absolute(vec a) { return {_mm256_or_ps(a.value, _mm256_set1_ps(-0.0F))}; }
    friend vec shift_exponent(vec a, vec n) {
        const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(n.value), 23);
        return {_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a.value), exponent))};
    }
    friend mask less(vec a, vec b) { return _mm256_cmp_ps(a.value, b.value, _CMP_LT_OQ); }
    friend mask less_equal(vec a, vec b) { return _mm256_cmp_ps(a.value, b.value, _CMP_LE_OQ); }
    friend mask equal(vec a, vec b) { return _mm256_cmp_ps(a.value, b.value, _CMP_EQ_OQ); }
    friend mask is_nan(vec a) { return _mm256_cmp_ps(a.value, a.value, _CMP_UNORD_Q); }
    friend mask exceeds(vec a, vec b) {
        return _mm256_and_ps(_mm256_cmp_ps(a.value, b.value, _CMP_NLE_UQ), _mm256_cmp_ps(b.value, b.value, _CMP_ORD_Q));
    }
    friend vec merge_nans(vec a, vec b) { return {_mm256_or_ps(a.value, b.value)}; }
    friend bool any_nan(vec a) { return _mm256_movemask_ps(is_nan(a)) != 0; }
    friend float greatest_lane(vec a) {
        const __m128 halves = _mm_max_ps(_mm256_castps256_ps128(a.value), _mm256_extractf128_ps(a.value, 1));
        const __m128 pairs = _mm_max_ps(halves, _mm_movehl_ps(halves, halves));
        return _mm_cvtss_f32(_mm_max_ss(pairs, _mm_movehdup_ps(pairs)));
    }
    friend vec select(mask m, vec a, vec b) { return {_mm256_blendv_ps(b.value, a.value, m)}; }
    friend vec add_where(mask m, vec a, vec b) { return {_mm256_add_ps(a.value, _mm256_and_ps(m, b.value))}; }

private:
    static __m256i first(int n) {
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    }
};

template <>
struct vec<double> {
    static constexpr int lanes = 4;
    using mask = __m256d;
    __m256d value;

    static vec zero() { return {_mm256_setzero_pd()}; }
    static vec broadcast(double x) { return {_mm256_set1_pd(x)}; }
    static vec load(const double* p) { return {_mm256_loadu_pd(p)}; }
    static vec load_first(const double* p, int n) { return {_mm256_maskload_pd(p, first(n))}; }
    friend vec even(vec a, vec b) { return {_mm256_permute4x64_pd(_mm256_unpacklo_pd(a.value, b.value), 0xD8)}; }
    friend vec permute(vec a, const std::int32_t* order) {
        const __m128i lanes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(order));
        // Numbers of the halves, which are permuted as floats: 2 k below 2 k + 1.
        const __m256i low = _mm256_slli_epi64(_mm256_cvtepu32_epi64(lanes), 1);
        const __m256i high = _mm256_slli_epi64(_mm256_add_epi64(low, _mm256_set1_epi64x(1)), 32);
        return {_mm256_castps_pd(_mm256_permutevar8x32_ps(_mm256_castpd_ps(a.value), _mm256_or_si256(low, high)))};
    }
    static vec load_bits(const double* p, unsigned bits) {
        return {_mm256_maskload_pd(p, _mm256_castpd_si256(mask_of_bits(bits)))};
    }
    static mask mask_of_bits(unsigned bits) {
        const __m256i lane_bits = _mm256_setr_epi64x(1, 2, 4, 8);
        const __m256i set = _mm256_and_si256(_mm256_set1_epi64x(bits), lane_bits);
        return _mm256_castsi256_pd(_mm256_cmpeq_epi64(set, lane_bits));
    }
    static unsigned bits_of(mask m) { return static_cast<unsigned>(_mm256_movemask_pd(m)); }
    static mask both(mask a, mask b) { return _mm256_and_pd(a, b); }
    void store(double* p) const { _mm256_storeu_pd(p, value); }
    void store_first(double* p, int n) const { _mm256_maskstore_pd(p, first(n), value); }
    void stream(double* p) const { _mm256_stream_pd(p, value); }

    friend vec operator+(vec a, vec b) { return {_mm256_add_pd(a.value, b.value)}; }
    friend vec operator-(vec a, vec b) { return {_mm256_sub_pd(a.value, b.value)}; }
    friend vec operator*(vec a, vec b) { return {_mm256_mul_pd(a.value, b.value)}; }
    friend vec operator/(vec a, vec b) { return {_mm256_div_pd(a.value, b.value)}; }
    friend vec fma(vec a, vec b, vec c) { return {_mm256_fmadd_pd(a.value, b.value, c.value)}; }
    friend vec min(vec a, vec b) { return {_mm256_min_pd(a.value, b.value)}; }
    friend vec max(vec a, vec b) { return {_mm256_max_pd(a.value, b.value)}; }
    friend vec minus_absolute(vec a) { return {_mm256_or_pd(a.value, _mm256_set1_pd(-0.0))}; }
    friend vec shift_exponent(vec a, vec n) {
        const __m256i exponent = _mm256_slli_epi64(_mm256_castpd_si256(n.value), 52);
        return {_mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a.value), exponent))};
    }
    friend mask less(vec a, vec b) { return _mm256_cmp_pd(a.value, b.value, _CMP_LT_OQ); }
    friend mask less_equal(vec a, vec b) { return _mm256_cmp_pd(a.value, b.value, _CMP_LE_OQ); }
    friend mask equal(vec a, vec b) { return _mm256_cmp_pd(a.value, b.value, _CMP_EQ_OQ); }
    friend mask is_nan(vec a) { return _mm256_cmp_pd(a.value, a.value, _CMP_UNORD_Q); }
    friend mask exceeds(vec a, vec b) {
        return _mm256_and_pd(_mm256_cmp_pd(a.value, b.value, _CMP_NLE_UQ), _mm256_cmp_pd(b.value, b.value, _CMP_ORD_Q));
    }
    friend vec merge_nans(vec a, vec b) { return {_mm256_or_pd(a.value, b.value)}; }
    friend bool any_nan(vec a) { return _mm256_movemask_pd(is_nan(a)) != 0; }
    friend double greatest_lane(vec a) {
        const __m128d halves = _mm_max_pd(_mm256_castpd256_pd128(a.value), _mm256_extractf128_pd(a.value, 1));
        return _mm_cvtsd_f64(_mm_max_sd(halves, _mm_unpackhi_pd(halves, halves)));
    }
    friend vec select(mask m, vec a, vec b) { return {_mm256_blendv_pd(b.value, a.value, m)}; }
    friend vec add_where(mask m, vec a, vec b) { return {_mm256_add_pd(a.value, _mm256_and_pd(m, b.value))}; }

private:
    static __m256i first(int n) { return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3)); }
};

inline void stream_fence() { _mm_sfence(); }

inline void transpose(vec<float> (&r)[8]) {
    __m256 t[8], u[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i].value, r[i + 1].value);
        t[i + 1] = _mm256_unpackhi_ps(r[i].value, r[i + 1].value);
    }
    for (int i = 0; i < 8; i += 4) {
        u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
        u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
    for (int i = 0; i < 4; ++i) {
        r[i].value = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
        r[i + 4].value = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
    }
}

inline void transpose(vec<double> (&r)[4]) {
    const __m256d t0 = _mm256_unpacklo_pd(r[0].value, r[1].value), t1 = _mm256_unpackhi_pd(r[0].value, r[1].value);
    const __m256d t2 = _mm256_unpacklo_pd(r[2].value, r[3].value), t3 = _mm256_unpackhi_pd(r[2].value, r[3].value);
    r[0].value = _mm256_permute2f128_pd(t0, t2, 0x20);
    r[1].value = _mm256_permute2f128_pd(t1, t3, 0x20);
    r[2].value = _mm256_permute2f128_pd(t0, t2, 0x31);
    r[3].value = _mm256_permute2f128_pd(t1, t3, 0x31);
}

/// Forbids the compiler to load `x` again from memory at each use: with few uses it would fold the load into them and
/// trade one load for many.
template <class T>
inline void keep_in_register(vec<T>& x) {
    asm("" : "+x"(x.value));
}

/// Asks for the cache line at `p` without waiting for it; any address is allowed.
inline void prefetch_to_l2(const void* p) { __builtin_prefetch(p, 0, 2); }
inline void prefetch_to_l1(const void* p) { __builtin_prefetch(p, 0, 3); }
inline void prefetch_to_write(const void* p) { __builtin_prefetch(p, 1, 3); }

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
