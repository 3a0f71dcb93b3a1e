#pragma once

/// The vector vocabulary of the kernels, for the ISA that the including file is compiled for. CMake passes
/// BACKGRAD_ISA = scalar, avx2 or avx512 together with the compiler flags of that ISA.
///
/// `vec<T>` (T = float, double) is a value type over one hardware register:
///     lanes                                compile-time number of elements
///     zero() broadcast(x) load(p) store(p) unaligned; stream(p) is a non-temporal store, p aligned to the vector
///     even(a, b)                           elements 0, 2, ... of a, then those of b
///     permute(a, order)                    lane k is lane order[k] of a; order holds `lanes` numbers
///     load_first(p, n) store_first(p, n)   the first n lanes only, 0 <= n <= lanes; other lanes load as +0
///     load_bits(p, bits) mask_of_bits(bits) lane k where bit k is set; other lanes load as +0 and are not read
///     bits_of(mask)                        bit k where lane k is set
///     fma(a, b, c) = a * b + c             one rounding (scalar: two, outside the same-bits promise)
///     a + b, a - b, a * b, a / b, min, max
///     minus_absolute(a)                    -|a|
///     shift_exponent(a, n)                 a * 2^k for n = 1.5 * 2^23 + k (double: 2^52), a and the result normal
///     less(a, b) less_equal(a, b) equal(a, b) is_nan(a) -> vec<T>::mask; select(mask, a, b) = mask ? a : b
///     exceeds(a, b)                        a > b, or a is a NaN and b is not: how a maximum is replaced
///     add_where(mask, a, b)                mask ? a + b : a, for an a that is not -0; both(mask, mask) is "and"
/// `stream_fence()` orders streaming stores before every later store.
///     merge_nans(a, b)                     a NaN where a or b is one; the others are 0 in both
///     any_nan(a)                           true if any lane is a NaN
///     greatest_lane(a)                     of an a without NaN
///     keep_in_register(a)                  forbids to fold a's load into its uses
///     prefetch_to_l2(p) prefetch_to_l1(p)  asks for a cache line without waiting
///     prefetch_to_write(p)                 the same for a line that is going to be written
/// `transpose(rows)` transposes a square block of `lanes` vectors in place.
///
/// Everything is in an unnamed namespace inside the ISA's namespace: the three meanings of vec<T> must never meet in
/// the linker.
#ifndef BACKGRAD_ISA
#error "BACKGRAD_ISA must name the ISA this file is compiled for"
#endif

#if defined(__AVX512F__)
#include "simd/vec_avx512.hpp"
#elif defined(__AVX2__)
#include "simd/vec_avx2.hpp"
#else
#include "simd/vec_scalar.hpp"
#endif
