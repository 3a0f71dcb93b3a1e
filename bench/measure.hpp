#pragma once

#include "cell.hpp"
#include "harness.hpp"
#include "variants/variant.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace backgrad::bench {

/// What came of one cell.
struct Outcome {
    std::string status;   ///< "ok", "wrong" (checked and found so), "unsupported" or "failed" (an error)
    std::string message;  ///< why it is not ok
    std::string checksum;
    std::vector<double> milliseconds;  ///< one per repetition; empty unless ok
};

/// Gets the number of a contestant and what came of it, as soon as it is known.
using ReportOutcome = std::function<void(std::size_t, const Outcome&)>;

/// One of those who compute the same gradients, under a title that no other has.
template <class T>
struct Contestant {
    std::string title;
    std::function<std::unique_ptr<Runnable>(std::span<const Problem<T>>)> prepare;
};

/// Prepares, checks and times contestants on the cell's problem, in this process.
template <class T>
void measure_contestants(const Cell& problem, const std::vector<Contestant<T>>& contestants, Clock clock,
                         const ReportOutcome& report);

/// Prepares, checks and times cells that are the same problem, in this process. The repetitions of all variants are
/// interleaved at random, so that drift of the machine meets them alike. `report` gets each cell's number and outcome
/// as soon as it is known.
void measure(const std::vector<Cell>& cells, const ReportOutcome& report);

}  // namespace backgrad::bench
