#pragma once

#include <utility>

namespace backgrad::BACKGRAD_ISA {

namespace {

/// Calls f(0), ..., f(count - 1) with each index as a constant. Arrays of vectors that are indexed so live in registers
/// from the compiler's first pass on; loops that it unrolls later leave them on the stack before and after a kernel's
/// inner loop, at the price of a store and a load per accumulator and call.
template <int count, class F>
[[gnu::always_inline]] inline void unrolled(F f) {
    [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
        (f(std::integral_constant<int, i>{}), ...);
    }
    (std::make_integer_sequence<int, count>{});
}

}  // namespace

}  // namespace backgrad::BACKGRAD_ISA
