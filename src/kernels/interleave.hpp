#pragma once

#include "kernels/unrolled.hpp"
#include "simd/index.hpp"
#include "simd/vec.hpp"

#include <cstdint>

namespace backgrad::BACKGRAD_ISA {

namespace {

/// Which lanes to take where: output vector v begins with the first two inputs, and the others come one after the
/// other.
template <class T, int count>
struct InterleaveTable {
    static constexpr int lanes = vec<T>::lanes;
    std::int32_t index[count][count - 1][lanes];

    constexpr InterleaveTable() : index{} {
        for (int v = 0; v < count; ++v)
            for (int k = 0; k < lanes; ++k) {
                const int input = (v * lanes + k) % count, element = (v * lanes + k) / count;
                index[v][0][k] = input == 0 ? element : input == 1 ? lanes + element : 0;
                for (int i = 2; i < count; ++i) index[v][i - 1][k] = input == i ? lanes + element : k;
            }
    }
};

/// The elements of `count` vectors in turn: element i of vector v goes to place i * count + v of `out`.
template <class T, int count>
[[gnu::always_inline]] inline void interleave(const vec<T> (&in)[count], vec<T> (&out)[count]) {
    static constexpr InterleaveTable<T, count> table;
    unrolled<count>([&](auto v) __attribute__((always_inline)) {
        out[v] = in[0];
        unrolled<count - 1>([&](auto i) __attribute__((always_inline)) {
            out[v] = permute_pair(out[v], in[i + 1], index_vec<T>::load(table.index[v][i]));
        });
    });
}

}  // namespace

}  // namespace backgrad::BACKGRAD_ISA
