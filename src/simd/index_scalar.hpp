#pragma once

#include "simd/vec_scalar.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

template <class T>
struct index_vec {
    std::int32_t value;

    static index_vec truncate(vec<T> v) {
        return {v.value > T(-1e9) && v.value < T(1e9) ? static_cast<std::int32_t>(v.value) : 0};
    }
    static index_vec broadcast(std::int32_t x) { return {x}; }
    static index_vec iota() { return {0}; }
    static index_vec load(const std::int32_t* p) { return {*p}; }
    static index_vec load(const std::uint8_t* p) { return {*p}; }
    static index_vec load_first(const std::int32_t* p, int n) { return {n > 0 ? *p : 0}; }
    static index_vec load_first(const std::uint8_t* p, int n) { return {n > 0 ? *p : 0}; }
    static index_vec load_bits(const std::int32_t* p, unsigned bits) { return {bits & 1 ? *p : 0}; }
    void store(std::int32_t* p) const { *p = value; }
    void store(std::uint8_t* p) const { *p = static_cast<std::uint8_t>(value); }

    friend index_vec operator+(index_vec a, index_vec b) { return wrap(bits(a) + bits(b)); }
    friend index_vec operator-(index_vec a, index_vec b) { return wrap(bits(a) - bits(b)); }
    friend index_vec operator*(index_vec a, index_vec b) { return wrap(bits(a) * bits(b)); }
    friend index_vec operator|(index_vec a, index_vec b) { return {a.value | b.value}; }
    friend index_vec sign(index_vec a) { return {a.value < 0 ? -1 : 0}; }
    friend index_vec high_half(index_vec a) { return {a.value >> 16}; }
    friend bool equal(index_vec a, index_vec b) { return a.value == b.value; }
    friend bool negative(index_vec a) { return a.value < 0; }
    friend index_vec select(bool m, index_vec a, index_vec b) { return m ? a : b; }
    friend vec<T> lookup(const T* p, index_vec a) { return {p[a.value & 7]}; }
    friend vec<T> permute(vec<T> v, index_vec) { return v; }
    friend index_vec permute(index_vec v, index_vec) { return v; }
    friend vec<T> permute_pair(vec<T> low, vec<T> high, index_vec a) { return a.value & 1 ? high : low; }

private:
    static std::uint32_t bits(index_vec a) { return static_cast<std::uint32_t>(a.value); }
    static index_vec wrap(std::uint32_t x) { return {static_cast<std::int32_t>(x)}; }
};

template <class T>
void deinterleave(vec<T> a, vec<T> b, vec<T>& even, vec<T>& odd) {
    even = a;
    odd = b;
}

/// The reverse: low and high together are a[0], b[0], a[1], b[1], ...
template <class T>
void interleave(vec<T> a, vec<T> b, vec<T>& low, vec<T>& high) {
    low = a;
    high = b;
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
