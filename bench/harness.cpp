#include "harness.hpp"

#include <backgrad/error.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>

namespace backgrad::bench {
namespace {

constexpr int default_repetitions = 10;
// Repetitions of a slow cell (plain loops, mostly) stop at about this time.
constexpr double seconds_per_cell = 2;
bool repetitions_given = false;

/// Collects the repetitions of each run by its name.
class Collector : public benchmark::BenchmarkReporter {
public:
    Collector(const std::vector<TimedRun>& runs, Clock clock,
              const std::function<void(std::size_t, const std::vector<double>&)>& report)
        : runs_(runs), clock_(clock), report_(report) {}

    bool ReportContext(const Context&) override { return true; }

    void ReportRuns(const std::vector<Run>& reports) override {
        std::vector<double> milliseconds;
        for (const Run& run : reports) {
            if (run.run_type != Run::RT_Iteration) continue;
            milliseconds.push_back(clock_ == Clock::wall ? run.GetAdjustedRealTime() : run.GetAdjustedCPUTime());
        }
        if (milliseconds.empty()) return;
        const std::string& name = reports.front().run_name.function_name;
        const auto same = [&](const TimedRun& run) { return run.title == name; };
        report_(static_cast<std::size_t>(std::find_if(runs_.begin(), runs_.end(), same) - runs_.begin()), milliseconds);
    }

private:
    const std::vector<TimedRun>& runs_;
    Clock clock_;
    const std::function<void(std::size_t, const std::vector<double>&)>& report_;
};

/// Gives the flags to Google Benchmark; returns the first that it does not know, or nothing.
std::string hand_over(const std::vector<std::string>& flags) {
    static std::vector<std::string> words;  // Google Benchmark keeps the pointer to the first
    words = {"backgrad_bench"};
    words.insert(words.end(), flags.begin(), flags.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    int count = static_cast<int>(pointers.size());
    benchmark::Initialize(&count, pointers.data());
    return count > 1 ? pointers[1] : "";
}

void register_run(const TimedRun& run) {
    auto* entry =
        benchmark::RegisterBenchmark(run.title.c_str(), [&run, set = std::size_t{0}](benchmark::State& state) mutable {
            // The variants take turns, and each finds the caches full of what the one before it used.
            if (run.sets == 1) run.runnable->run(0);
            for (auto _ : state) {
                run.runnable->run(set);
                if (++set == run.sets) set = 0;
            }
        });
    entry->UseRealTime()->Unit(benchmark::kMillisecond);
    if (!repetitions_given) {
        const int affordable = static_cast<int>(seconds_per_cell / std::max(run.estimated_seconds, 1e-9));
        entry->Repetitions(std::clamp(affordable, 1, default_repetitions));
    }
}

}  // namespace

void check_benchmark_flags(const std::vector<std::string>& benchmark_flags) {
    const std::string unknown = hand_over(benchmark_flags);
    if (!unknown.empty()) throw Error("command line", "a flag of Google Benchmark's with a value it takes", unknown);
}

void initialize_harness(const std::vector<std::string>& benchmark_flags) {
    std::vector<std::string> flags{"--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.01"};
    for (const std::string& flag : benchmark_flags) {
        // The parent has applied the filter already, and with it chosen the cells.
        if (flag.rfind("--benchmark_filter", 0) == 0) continue;
        repetitions_given |= flag.rfind("--benchmark_repetitions=", 0) == 0;
        flags.push_back(flag);
    }
    hand_over(flags);
}

void time_interleaved(const std::vector<TimedRun>& runs, Clock clock,
                      const std::function<void(std::size_t, const std::vector<double>&)>& report) {
    if (runs.empty()) return;
    benchmark::ClearRegisteredBenchmarks();
    for (const TimedRun& run : runs) register_run(run);
    Collector collector(runs, clock, report);
    benchmark::RunSpecifiedBenchmarks(&collector, nullptr, "all");
}

}  // namespace backgrad::bench
