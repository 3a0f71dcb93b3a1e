#pragma once

#include "kernels/conv2d_kernels.hpp"
#include "simd/vec.hpp"

namespace backgrad::BACKGRAD_ISA {

using kernels::Finish;

namespace {

inline int limited(std::int64_t n, int limit) { return n < limit ? static_cast<int>(n) : limit; }

template <class T>
void clear(T* to, std::int64_t count) noexcept {
    using V = vec<T>;
    std::int64_t i = 0;
    for (; i + V::lanes <= count; i += V::lanes) V::zero().store(to + i);
    if (i < count) V::zero().store_first(to + i, static_cast<int>(count - i));
}

/// The first n lanes, 1 at least.
template <class T>
void write_first(vec<T> x, T* to, int n, Finish finish) {
    using V = vec<T>;
    if (n == V::lanes) {
        if (finish == Finish::add) x = V::load(to) + x;
        x.store(to);
    } else {
        if (finish == Finish::add) x = V::load_first(to, n) + x;
        x.store_first(to, n);
    }
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
