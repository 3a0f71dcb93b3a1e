#pragma once

#include "process.hpp"

#include <map>
#include <string>

namespace backgrad::bench {

/// The variables that a worker process of the kind starts with: thread count, affinity and the peer's ISA. What the
/// caller has set stays, but for what the kind itself says.
std::map<std::string, std::string> worker_environment(const WorkerKind& kind);

/// Throws Error, which names the variable, where the environment asks backgrad or OpenMP for what they do not know: the
/// results would tell of settings that nobody had.
void check_environment();

/// Where main.cpp puts the caller's OMP_PROC_BIND aside for the workers.
constexpr const char* bind_variable = "OMP_PROC_BIND";
constexpr const char* aside_variable = "BACKGRAD_BENCH_OMP_PROC_BIND";

}  // namespace backgrad::bench
