#pragma once

// A call begins with whatever memory holds: a workspace, or the stack. Lanes that only pad may be stored there and read
// back, but not computed with: denormal numbers there would make a call a hundred times as slow on some CPUs. These
// mark each arithmetic instruction that meets a denormal operand.
#ifdef __SSE2__
#define BACKGRAD_TEST_DENORMALS 1

#include <xmmintrin.h>

#include <cstddef>
#include <limits>

namespace backgrad::test {

/// Whether f() computes with a denormal number on this thread.
template <class F>
bool computes_with_denormals(const F& f) {
    constexpr unsigned met_denormal = 2;
    _mm_setcsr(_mm_getcsr() & ~met_denormal);
    f();
    return (_mm_getcsr() & met_denormal) != 0;
}

/// Leaves denormal numbers on the stack, where the next call has its scratch.
template <class T>
[[gnu::noinline]] void leave_denormals_on_the_stack() {
    volatile T numbers[256 * 1024 / sizeof(T)];
    for (volatile T& number : numbers) number = std::numeric_limits<T>::denorm_min();
}

}  // namespace backgrad::test
#endif
