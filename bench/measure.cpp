#include "measure.hpp"

#include "check.hpp"
#include "first_touch.hpp"
#include "harness.hpp"
#include "problem.hpp"
#include "variants/variant.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>

namespace backgrad::bench {
namespace {

// A cold run rotates through this much data: more than any last-level cache.
constexpr std::size_t cold_bytes = std::size_t{1088} << 20;

template <class T>
std::vector<Problem<T>> make_sets(const Cell& cell) {
    const std::shared_ptr<Executor> threads = measured_threads(cell);
    std::vector<Problem<T>> sets;
    sets.emplace_back(cell, threads.get());
    if (cell.cache == Cache::warm) return sets;
    const std::size_t count = std::max<std::size_t>(2, cold_bytes / sets[0].bytes() + 1);
    while (sets.size() < count) sets.emplace_back(cell, threads.get());
    return sets;
}

double timed_run(Runnable& runnable) {
    const auto start = std::chrono::steady_clock::now();
    runnable.run(0);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A contestant that passed the check.
struct Ready {
    std::size_t number;
    std::unique_ptr<Runnable> runnable;
    double seconds;
    Outcome outcome;
};

/// Prepares and checks one of them; `outcome.status` tells whether it may be timed.
template <class T>
Ready prepare_and_check(const Contestant<T>& contestant, std::size_t number, const std::vector<Problem<T>>& sets,
                        const std::vector<Expectation>& expectations) {
    Ready ready{number, nullptr, 0, {"ok", "", "", {}}};
    try {
        ready.runnable = contestant.prepare(std::span<const Problem<T>>(sets));
        sets[0].poison();
        ready.seconds = timed_run(*ready.runnable);
        ready.runnable->publish();
        if (const auto difference = compare(sets[0], expectations)) ready.outcome = {"wrong", *difference, "", {}};
        else ready.outcome.checksum = checksum(sets[0]);
    } catch (const Unsupported& error) {
        ready.outcome = {"unsupported", error.what(), "", {}};
    } catch (const std::exception& error) {
        ready.outcome = {"failed", error.what(), "", {}};
    }
    return ready;
}

template <class T>
void measure_as(const std::vector<Cell>& cells, const ReportOutcome& report) {
    std::vector<Contestant<T>> contestants;
    for (const Cell& cell : cells) {
        const auto prepare = [&cell](std::span<const Problem<T>> sets) {
            return variant_named(cell.variant).prepare<T>(cell, sets);
        };
        contestants.push_back({title(cell), prepare});
    }
    measure_contestants<T>(cells[0], contestants, Clock::wall, report);
}

}  // namespace

template <class T>
void measure_contestants(const Cell& problem, const std::vector<Contestant<T>>& contestants, Clock clock,
                         const ReportOutcome& report) {
    const std::vector<Problem<T>> sets = make_sets<T>(problem);
    const std::vector<Expectation> expectations = expect(problem, sets[0]);
    std::vector<Ready> ready;
    for (std::size_t i = 0; i < contestants.size(); ++i) {
        Ready candidate = prepare_and_check(contestants[i], i, sets, expectations);
        if (candidate.outcome.status == "ok") ready.push_back(std::move(candidate));
        else report(i, candidate.outcome);
    }
    std::vector<TimedRun> runs;
    for (const Ready& r : ready)
        runs.push_back({contestants[r.number].title, r.runnable.get(), sets.size(), r.seconds});
    time_interleaved(runs, clock, [&](std::size_t i, const std::vector<double>& milliseconds) {
        ready[i].outcome.milliseconds = milliseconds;
        report(ready[i].number, ready[i].outcome);
    });
}

template void measure_contestants(const Cell&, const std::vector<Contestant<float>>&, Clock, const ReportOutcome&);
template void measure_contestants(const Cell&, const std::vector<Contestant<double>>&, Clock, const ReportOutcome&);

void measure(const std::vector<Cell>& cells, const ReportOutcome& report) {
    if (cells[0].dtype == Dtype::f32) measure_as<float>(cells, report);
    else measure_as<double>(cells, report);
}

}  // namespace backgrad::bench
