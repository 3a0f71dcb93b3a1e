#include "scaling.hpp"

#include "variants/variant.hpp"

#include <algorithm>
#include <cstdio>
#include <set>

namespace backgrad::bench {
namespace {

/// What a speedup compares: everything but variant, strategy and threads. Weak scaling changes the batch alone.
std::string problem_of(const Cell& cell) {
    std::string text(name(cell.operation));
    for (const std::string_view part :
         {std::string_view(cell.mode), std::string_view(cell.shape.name), name(cell.layout), name(cell.dtype),
          name(cell.cache), name(cell.isa), name(cell.scaling)}) {
        text.append("  ").append(part);
    }
    return text;
}

std::string strategy_of(const Cell& cell) {
    std::string text = cell.variant;
    for (const std::string_view part : {name(cell.partition), name(cell.reduction)}) {
        if (part != "auto") text.append(" ").append(part);
    }
    const std::string schedule = schedule_name(cell.schedule);
    return schedule == "auto" ? text : text + " " + schedule;
}

using Times = std::map<int, double>;  ///< by threads

/// Work done per time, relative to the reference on one thread.
Times speedups_of(const Times& times, double reference, Scaling scaling) {
    Times speedups;
    for (const auto& [threads, time] : times) {
        speedups[threads] = reference / time * (scaling == Scaling::weak ? threads : 1);
    }
    return speedups;
}

struct ScaledProblem {
    Scaling scaling;
    double reference = 0;  ///< best time on one thread
    std::map<std::string, Times> strategies;
};

std::map<std::string, ScaledProblem> problems_of(const std::vector<Result>& results) {
    std::map<std::string, ScaledProblem> problems;
    for (const Result& result : results) {
        const Cell& cell = result.cell;
        if (!result.figures || cell.operation == Operation::launch || !variant_named(cell.variant).has_strategies) {
            continue;
        }
        ScaledProblem& problem = problems[problem_of(cell)];
        const double time = result.figures->ms_median;
        problem.scaling = cell.scaling;
        if (cell.threads == 1 && (problem.reference == 0 || time < problem.reference)) problem.reference = time;
        // The variant `serial` has one thread, whatever the count.
        if (cell.variant != "serial") problem.strategies[strategy_of(cell)][cell.threads] = time;
    }
    return problems;
}

}  // namespace

std::optional<double> serial_fraction(const std::map<int, double>& speedups) {
    double products = 0, squares = 0;
    for (const auto& [threads, speedup] : speedups) {
        const double ideal = 1.0 / threads, x = 1 - ideal;
        products += x * (1 / speedup - ideal);
        squares += x * x;
    }
    if (squares == 0) return std::nullopt;
    return products / squares;
}

std::string format_scaling(const std::vector<Result>& results) {
    std::set<int> counts;
    for (const Result& result : results) counts.insert(result.cell.threads);
    if (counts.size() < 2) return "";
    std::string table = "\nefficiency on so many threads, and fitted serial fraction\n";
    for (const auto& [title, problem] : problems_of(results)) {
        if (problem.reference == 0) continue;
        table += title + "\n";
        for (const auto& [strategy, times] : problem.strategies) {
            char text[64];
            std::snprintf(text, sizeof text, "  %-28s", strategy.c_str());
            table += text;
            const Times speedups = speedups_of(times, problem.reference, problem.scaling);
            for (const auto& [threads, speedup] : speedups) {
                std::snprintf(text, sizeof text, "  %d: %.3f", threads, speedup / threads);
                table += text;
            }
            const std::optional<double> fraction = serial_fraction(speedups);
            std::snprintf(text, sizeof text, "  serial %.3f", fraction.value_or(0));
            table += fraction ? std::string(text) + "\n" : "\n";
        }
    }
    return table;
}

}  // namespace backgrad::bench
