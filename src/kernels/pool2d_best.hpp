#pragma once

#include "simd/index.hpp"
#include "simd/vec.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// In each lane, the greatest cell of a window so far.
template <class T>
struct BestCell {
    vec<T> value;
    index_vec<T> position;

    /// Takes what comes later in row-major order if it is greater, or the first NaN.
    void take(const BestCell& later) {
        const auto replace = exceeds(later.value, value);
        value = select(replace, later.value, value);
        position = select(replace, later.position, position);
    }
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
