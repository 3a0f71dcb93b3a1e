#pragma once

#include "variants/variant.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace backgrad::bench {

/// One variant, ready to be timed.
struct TimedRun {
    std::string title;
    Runnable* runnable;
    std::size_t sets;          ///< data sets, used in rotation
    double estimated_seconds;  ///< of one run
};

/// What a run's time is: that of a clock on the wall, or what the calling thread got of its core, which other programs
/// disturb less. The latter says nothing about runs of several threads.
enum class Clock { wall, calling_thread };

/// Throws Error if Google Benchmark does not know one of the flags.
void check_benchmark_flags(const std::vector<std::string>& benchmark_flags);

/// Hands Google Benchmark its flags: our defaults, then the user's.
void initialize_harness(const std::vector<std::string>& benchmark_flags);

/// Times the runs with Google Benchmark, the repetitions of all of them interleaved at random, so that drift of the
/// machine meets all alike. report(i, milliseconds of each repetition) is called when run i is complete.
void time_interleaved(const std::vector<TimedRun>& runs, Clock clock,
                      const std::function<void(std::size_t, const std::vector<double>&)>& report);

}  // namespace backgrad::bench
