#pragma once

/// For vectors of 64 bytes, whose halves come from two places:
///     load_halves(low, high)               the lower half from `low` on, the upper one from `high` on
///     load_index_halves<T>(low, high)      the same for an index_vec<T>
///     store_halves(a, low, high)           and back
///     upper_half(a)                        lane k is a[k + lanes / 2], below lanes / 2
///     shift_lanes<n>(a, mask)              lane k is a[k - n] where the mask is set, else 0
#include "simd/index.hpp"
#include "simd/vec.hpp"

#if defined(__AVX512F__)
#include "simd/halves_avx512.hpp"
#else
namespace backgrad::BACKGRAD_ISA {
namespace {

// Named, and never called, by code for vectors of 64 bytes.
template <class T>
vec<T> load_halves(const T* low, const T* high);
template <class T, class E>
index_vec<T> load_index_halves(const E* low, const E* high);
template <class V, class E>
void store_halves(V a, E* low, E* high);
template <class T>
vec<T> upper_half(vec<T> a);
template <int n, class V>
V shift_lanes(V a, typename V::mask mask);

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
#endif
