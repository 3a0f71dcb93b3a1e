#pragma once

/// `load_transposed(from, row, block)` loads a square block, `row` elements between its rows, and transposes it:
/// block[i] becomes column i. It is faster than to load whole rows first: half rows put side by side while they are
/// loaded leave less to shuffle, and loads have ports of their own.
#include "simd/vec.hpp"

#if defined(__AVX512F__)
#include "simd/load_transposed_avx512.hpp"
#elif defined(__AVX2__)
#include "simd/load_transposed_avx2.hpp"
#endif

namespace backgrad::BACKGRAD_ISA {
namespace {

template <class T>
inline void load_transposed(const T* from, std::ptrdiff_t row, vec<T> (&block)[vec<T>::lanes]) {
    for (int i = 0; i < vec<T>::lanes; ++i) block[i] = vec<T>::load(from + i * row);
    transpose(block);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
