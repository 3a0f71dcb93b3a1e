#pragma once

#include <cstdint>
#include <vector>

namespace backgrad::plan {

/// What the tasks of one phase cost on any machine, for predictions.
struct PhaseWork {
    /// Of each task: what a core could compute at its peak while it runs the task. Besides the sum's own operations
    /// that is padding of register tiles and the time that packing takes.
    std::vector<double> flops;
    /// What crosses the memory bus at least: each tensor once, partial sums written and read.
    double bytes = 0;
};

/// The phases of a plan, one after the other.
struct Work {
    std::vector<PhaseWork> phases;
    std::int64_t partial_bytes = 0;  ///< of buffers for partial sums
};

}  // namespace backgrad::plan
