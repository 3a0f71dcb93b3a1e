#pragma once

#include "simd/halves.hpp"
#include "simd/index.hpp"
#include "simd/vec.hpp"

#include <cstdint>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Whether the halves of a vector may belong to two planes.
template <class T>
inline constexpr bool strips_of_two_planes = sizeof(vec<T>) == 64;

/// What the lanes of a strip are: neighbours in a row of a plane, or half of them in either of two planes.
template <class T, int planes>
struct StripLanes {
    using Index = index_vec<T>;
    static constexpr int count = vec<T>::lanes / planes;  ///< of each plane

    /// Of the lanes in their planes.
    static Index numbers() {
        std::int32_t number[vec<T>::lanes];
        for (int k = 0; k < vec<T>::lanes; ++k) number[k] = k % count;
        return Index::load(number);
    }

    /// `next`: how far behind the first plane's elements those of the second one lie.
    [[gnu::always_inline]] static vec<T> load(const T* p, std::int64_t next) {
        if constexpr (planes == 1) return vec<T>::load(p);
        else return load_halves(p, p + next);
    }

    template <class E>
    [[gnu::always_inline]] static Index load_index(const E* p, std::int64_t next) {
        if constexpr (planes == 1) return Index::load(p);
        else return load_index_halves<T>(p, p + next);
    }
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
