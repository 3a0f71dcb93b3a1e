// Compiled once per ISA, as the kernels are.
#include "roofline/roofline_loops.hpp"

#include "simd/vec.hpp"

namespace backgrad::bench::BACKGRAD_ISA {
namespace {

using backgrad::BACKGRAD_ISA::vec;

// Two FMA ports times a latency of four or five cycles want ten chains; twelve and two operands fit AVX2's sixteen
// registers. The scalar ISA gets as many chains as the compiler may pack into SSE registers.
constexpr int chains = vec<float>::lanes == 1 ? 32 : 12;

template <class T>
double multiply_add(std::int64_t rounds, T seed, T* sink) {
    constexpr int unroll = 8;
    vec<T> sums[chains];
    for (int i = 0; i < chains; ++i) sums[i] = vec<T>::broadcast(seed + static_cast<T>(i));
    // Below one, so that the chains neither overflow nor decay to subnormal numbers.
    const vec<T> factor = vec<T>::broadcast(seed * T(0.5));
    const vec<T> addend = vec<T>::broadcast(seed);
    for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 8
        for (int u = 0; u < unroll; ++u) {
#pragma GCC unroll 32
            for (int i = 0; i < chains; ++i) sums[i] = fma(sums[i], factor, addend);
        }
    }
    T values[vec<T>::lanes];
    for (int i = 1; i < chains; ++i) sums[0] = sums[0] + sums[i];
    sums[0].store(values);
    *sink = values[0];
    return 2.0 * static_cast<double>(rounds) * unroll * chains * vec<T>::lanes;
}

template <class T>
void triad(T* a, const T* b, const T* c, T factor, std::int64_t begin, std::int64_t end) {
    const vec<T> f = vec<T>::broadcast(factor);
    for (std::int64_t k = begin; k < end; k += vec<T>::lanes) {
        fma(f, vec<T>::load(c + k), vec<T>::load(b + k)).stream(a + k);
    }
}

}  // namespace

constinit const RooflineTable roofline_table{{multiply_add<float>, triad<float>},
                                             {multiply_add<double>, triad<double>}};

}  // namespace backgrad::bench::BACKGRAD_ISA
