#pragma once

/// For vectors of 64 bytes, whose halves come from two places:
///     load_halves(low, high)               the lower half from `low` on, the upper one from `high` on
///     shift_lanes<n>(a, mask)              lane k is a[k - n] where the mask is set, else 0
///     interleave(even, odd, low, high)     low is even[0], odd[0], even[1], ..., high goes on
#include "simd/vec.hpp"

#if defined(__AVX512F__)
#include "simd/halves_avx512.hpp"
#endif
