#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
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
    double flops_per_cycle = 1;

    double cycles(std::size_t phase) const {
        const std::vector<double>& flops = phases[phase].flops;
        return std::accumulate(flops.begin(), flops.end(), 0.0) / flops_per_cycle;
    }
    double cycles() const {
        double all = 0;
        for (std::size_t phase = 0; phase < phases.size(); ++phase) all += cycles(phase);
        return all;
    }
};

}  // namespace backgrad::plan
