#pragma once

/// `index_vec<T>`: as many 32-bit signed integers as vec<T> has lanes, for positions and saved indices.
///     load(p) load_first(p, n) store(p)    p: std::int32_t or std::uint8_t, zero-extended, stored from 0 to 255
///     load_bits(p, bits)                   lane k where bit k is set; other lanes load as 0 and are not read
///     broadcast(x) iota()                  iota is 0, 1, 2, ...
///     a + b, a - b, a * b, a | b           wrapping
///     sign(a)                              -1 where a is negative, else 0
///     high_half(a)                         a / 65536 of non-negative a
///     equal(a, b) negative(a)              -> vec<T>::mask; select(mask, a, b)
///     permute(v, a)                        lane k is v[a[k] mod lanes], v a vec<T> or an index_vec<T>
///     permute_pair(low, high, a)           lane k is element a[k] mod 2 lanes of low and high, one behind the other
///     truncate(v)                          v rounded towards zero; some number for NaN and beyond 32 bits
///     lookup(p, a)                         lane k is p[a[k] mod 8]: a table of 8 elements
/// deinterleave(a, b, even, odd) splits the 2 * lanes elements of a and b into those at even and at odd positions.
#include "simd/vec.hpp"

#if defined(__AVX512F__)
#include "simd/index_avx512.hpp"
#elif defined(__AVX2__)
#include "simd/index_avx2.hpp"
#else
#include "simd/index_scalar.hpp"
#endif
