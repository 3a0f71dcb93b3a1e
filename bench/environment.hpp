#pragma once

#include "process.hpp"

#include <map>
#include <string>

namespace backgrad::bench {

/// The variables that a worker process of the kind starts with: thread count, affinity and the peer's ISA. What the
/// caller has set stays, but for what the kind itself says.
std::map<std::string, std::string> worker_environment(const WorkerKind& kind);

/// OpenMP binds the first thread of a process that starts under OMP_PROC_BIND, and whatever that thread starts
/// inherits the binding. So the variable is put aside, for the workers, by starting the program once more without it.
void put_affinity_aside(char** argv);

}  // namespace backgrad::bench
