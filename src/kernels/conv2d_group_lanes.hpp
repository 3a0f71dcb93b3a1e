#pragma once

#include "kernels/conv2d_depthwise_kernels.hpp"
#include "simd/index.hpp"

/// How the lanes of a vector, channels of narrow groups, meet the channels of grad_output: lane k takes channel i of
/// its own group. Where groups share a vector, it is permuted from the pixel's vector, and where a group fills one or
/// more it is broadcast.
namespace backgrad::BACKGRAD_ISA {

namespace {

template <class T, int group>
struct GroupOrder {
    std::int32_t lane[group][vec<T>::lanes];

    constexpr GroupOrder() : lane{} {
        for (int i = 0; i < group; ++i)
            for (int k = 0; k < vec<T>::lanes; ++k) lane[i][k] = k - k % group + i;
    }
};

/// The lanes to take for channel 0 of groups of 2, 4 or 8 that share a vector; those of channel i lie i * lanes behind.
template <class T>
const std::int32_t* group_order(std::int64_t group) {
    static constexpr GroupOrder<T, 2> two;
    static constexpr GroupOrder<T, 4> four;
    static constexpr GroupOrder<T, 8> eight;
    return group == 2 ? two.lane[0] : group == 4 ? four.lane[0] : eight.lane[0];
}

/// Channel i of each lane's group at a pixel. `order` is group_order() where groups share a vector.
template <class T, bool shared>
[[gnu::always_inline]] inline vec<T> group_channel(const T* pixel, std::int64_t i, const std::int32_t* order) {
    if constexpr (shared) return permute(vec<T>::load(pixel), index_vec<T>::load(order + i * vec<T>::lanes));
    else return vec<T>::broadcast(pixel[i]);
}

}  // namespace

}  // namespace backgrad::BACKGRAD_ISA
