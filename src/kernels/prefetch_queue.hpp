#pragma once

#include <cstddef>
#include <cstdint>

namespace backgrad::kernels {

/// Cache lines that will be needed soon: `count` of them, `step` elements apart.
template <class T>
struct PrefetchJob {
    const T* line;
    std::ptrdiff_t step;
    std::int64_t count;
};

/// Jobs that kernels work off on the side, a register tile one line per term: the memory delivers the operands of the
/// next block while this one is computed.
template <class T>
struct PrefetchQueue {
    PrefetchJob<T>* begin;
    PrefetchJob<T>* end;
};

}  // namespace backgrad::kernels
