#pragma once

#include "cell.hpp"
#include "measure.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace backgrad::bench {

/// A blocking of a convolution's plan and what came of it. See plan::KnownBlocking.
struct TimedBlocking {
    std::string name;
    bool chosen = false;
    bool same_bits = false;
    bool has_estimate = false;
    double estimated = 0;
    Outcome outcome;
};

/// Checks and times, in this process and interleaved, the first `most` blockings that the cell's plan knows: the chosen
/// one, the other ways' own choices, and the cheapest of the others by the models' estimates.
/// Runs of one thread are timed by what it gets of its core.
std::vector<TimedBlocking> tune(const Cell& cell, std::size_t most);

}  // namespace backgrad::bench
