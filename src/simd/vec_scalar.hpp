#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace backgrad::BACKGRAD_ISA {
namespace {

template <class T>
struct vec {
    static constexpr int lanes = 1;
    using mask = bool;
    T value;

    static vec zero() { return {T(0)}; }
    static vec broadcast(T x) { return {x}; }
    static vec load(const T* p) { return {*p}; }
    static vec load_first(const T* p, int n) { return {n > 0 ? *p : T(0)}; }
    friend vec even(vec a, vec) { return a; }
    friend vec permute(vec a, const std::int32_t*) { return a; }
    static vec load_bits(const T* p, unsigned bits) { return {bits & 1 ? *p : T(0)}; }
    static mask mask_of_bits(unsigned bits) { return bits & 1; }
    static unsigned bits_of(mask m) { return m ? 1 : 0; }
    static mask both(mask a, mask b) { return a && b; }
    void store(T* p) const { *p = value; }
    void store_first(T* p, int n) const {
        if (n > 0) *p = value;
    }
    void stream(T* p) const { *p = value; }

    friend vec operator+(vec a, vec b) { return {a.value + b.value}; }
    friend vec operator-(vec a, vec b) { return {a.value - b.value}; }
    friend vec operator*(vec a, vec b) { return {a.value * b.value}; }
    friend vec operator/(vec a, vec b) { return {a.value / b.value}; }
    friend vec fma(vec a, vec b, vec c) { return {a.value * b.value + c.value}; }
    friend vec min(vec a, vec b) { return {a.value < b.value ? a.value : b.value}; }
    friend vec max(vec a, vec b) { return {a.value > b.value ? a.value : b.value}; }
    friend vec minus_absolute(vec a) { return {a.value > 0 ? -a.value : a.value}; }
    friend vec shift_exponent(vec a, vec n) {
        using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
        constexpr int mantissa = sizeof(T) == 4 ? 23 : 52;
        return {
            __builtin_bit_cast(T, __builtin_bit_cast(bits, a.value) + (__builtin_bit_cast(bits, n.value) << mantissa))};
    }
    friend mask less(vec a, vec b) { return a.value < b.value; }
    friend mask less_equal(vec a, vec b) { return a.value <= b.value; }
    friend mask equal(vec a, vec b) { return a.value == b.value; }
    friend mask is_nan(vec a) { return a.value != a.value; }
    friend mask exceeds(vec a, vec b) { return b.value == b.value && !(a.value <= b.value); }
    friend vec merge_nans(vec a, vec b) { return {a.value + b.value}; }
    friend bool any_nan(vec a) { return a.value != a.value; }
    friend T greatest_lane(vec a) { return a.value; }
    friend vec select(mask m, vec a, vec b) { return m ? a : b; }
    friend vec add_where(mask m, vec a, vec b) { return {m ? a.value + b.value : a.value}; }
    friend void transpose(vec (&)[1]) {}
};

/// Forbids the compiler to load `x` again from memory at each use: with few uses it would fold the load into them and
/// trade one load for many.
template <class T>
inline void keep_in_register(vec<T>& x) {
    (void)x;
}

inline void stream_fence() {}

/// Asks for the cache line at `p` without waiting for it; any address is allowed.
inline void prefetch_to_l2(const void* p) { __builtin_prefetch(p, 0, 2); }
inline void prefetch_to_l1(const void* p) { __builtin_prefetch(p, 0, 3); }
inline void prefetch_to_write(const void* p) { __builtin_prefetch(p, 1, 3); }

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
