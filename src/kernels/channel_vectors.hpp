#pragma once

#include "simd/index.hpp"

#include <cstdint>
#include <type_traits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Vectors of channels that NHWC kernels work on at once: as many chains of dependent steps as it takes to keep the
/// ports busy while each waits for itself.
inline constexpr int channel_vectors = 4;

/// Calls f(vectors, c, n) for groups of vectors of channels [begin, end): `vectors` is a constant, and n lanes of a
/// single vector exist.
template <class T, class F>
[[gnu::always_inline]] inline void for_channels(std::int64_t begin, std::int64_t end, const F& f) {
    constexpr int lanes = vec<T>::lanes;
    using Group = std::integral_constant<int, channel_vectors>;
    using Single = std::integral_constant<int, 1>;
    std::int64_t c = begin;
    for (; c + channel_vectors * lanes <= end; c += channel_vectors * lanes) f(Group{}, c, lanes);
    for (; c + lanes <= end; c += lanes) f(Single{}, c, lanes);
    if (c < end) f(Single{}, c, static_cast<int>(end - c));
}

/// Calls function(k, n) for vectors of `count` elements: n of the one at k exist.
template <class T, class Function>
[[gnu::always_inline]] inline void for_each_vector(std::int64_t count, const Function& function) {
    constexpr int lanes = vec<T>::lanes;
    std::int64_t k = 0;
    for (; k + lanes <= count; k += lanes) function(k, lanes);
    if (k < count) function(k, static_cast<int>(count - k));
}

template <class T>
[[gnu::always_inline]] inline vec<T> load_some(const T* p, int n) {
    return n == vec<T>::lanes ? vec<T>::load(p) : vec<T>::load_first(p, n);
}

/// For groups of for_channels(): n lanes of a single vector, or whole vectors.
template <int vectors, class T>
[[gnu::always_inline]] inline vec<T> load_channels(const T* p, int n) {
    return vectors > 1 ? vec<T>::load(p) : load_some(p, n);
}

template <class Writer, int vectors, class T>
[[gnu::always_inline]] inline void write_channels(T* p, vec<T> v, int n) {
    vectors > 1 || n == vec<T>::lanes ? Writer::write(p, v) : Writer::write_first(p, v, n);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
