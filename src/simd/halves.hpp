#pragma once

/// For vectors of 64 bytes, whose halves come from two places:
///     load_halves(low, high)               the lower half from `low` on, the upper one from `high` on
///     shift_lanes<n>(a, mask)              lane k is a[k - n] where the mask is set, else 0
#include "simd/vec.hpp"

#if defined(__AVX512F__)
#include "simd/halves_avx512.hpp"
#endif
