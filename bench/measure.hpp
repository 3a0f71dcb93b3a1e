#pragma once

#include "cell.hpp"

#include <functional>
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

/// Prepares, checks and times cells that are the same problem, in this process. The repetitions of all variants are
/// interleaved at random, so that drift of the machine meets them alike. `report` gets each cell's number and outcome
/// as soon as it is known.
void measure(const std::vector<Cell>& cells, const std::function<void(std::size_t, const Outcome&)>& report);

}  // namespace backgrad::bench
