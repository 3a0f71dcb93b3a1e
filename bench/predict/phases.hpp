#pragma once

#include "cell.hpp"
#include "predict/machine.hpp"
#include "predict/simulation.hpp"

#include <cstdint>
#include <vector>

namespace backgrad::bench {

/// The plan that a cell's thread count and strategy lead to, on virtual workers.
struct VirtualPlan {
    std::vector<VirtualPhase> phases;
    std::int64_t tasks = 0;          ///< over all phases
    std::int64_t partial_bytes = 0;  ///< of buffers for partial sums
};

/// By the models of the plans themselves; no task is run. An operation without such a model (everything but
/// convolutions) has equal tasks that move one byte per operation. All cells are one problem.
std::vector<VirtualPlan> modelled_plans(const std::vector<Cell>& cells, const Machine& machine);

/// By the time that each task takes here, one after the other on one core. Each plan is executed several times; each
/// task's least time counts. All cells are one problem. Memory traffic is that of the models, with a bandwidth that
/// grows with the cores; data that this machine's last cache holds has none, and one core's is in the time measured.
std::vector<VirtualPlan> measured_plans(const std::vector<Cell>& cells, double gbps_per_core);

}  // namespace backgrad::bench
