#pragma once

#include <vector>

namespace backgrad::bench {

/// Who gets which task.
enum class Handout {
    shares,     ///< equal numbers of consecutive tasks, as static schedules do
    on_demand,  ///< the next task to whoever is free first
};

/// The seconds of the worker that has most to do.
double largest_share(const std::vector<double>& task_seconds, int workers, Handout handout);

/// One phase on virtual workers.
struct VirtualPhase {
    std::vector<double> task_seconds;
    double memory_seconds = 0;  ///< what its memory traffic takes at least
};

/// What comes of the phases one after the other.
struct Simulation {
    double seconds = 0;
    double balance = 1;  ///< mean share / largest share, summed over the phases
};
Simulation simulate(const std::vector<VirtualPhase>& phases, int workers, Handout handout, double launch_seconds);

}  // namespace backgrad::bench
