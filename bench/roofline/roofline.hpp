#pragma once

#include "operation.hpp"

#include <vector>

namespace backgrad::bench {

/// What the machine can do at best with an ISA, a number of threads and an element type.
struct Roof {
    double gflops = 0;  ///< independent multiply-adds in registers, two operations each
    double gbps = 0;    ///< stream triad out of memory, three elements each, with streaming stores
};

/// Measures the roof in about half a second, thread t on cpus[t % cpus.size()].
Roof measure_roof(Isa isa, Dtype dtype, int threads, const std::vector<int>& cpus);

}  // namespace backgrad::bench
