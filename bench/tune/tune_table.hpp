#pragma once

#include "tune/tuning.hpp"

#include <string>
#include <vector>

namespace backgrad::bench {

/// The blockings of one cell that were timed.
struct TunedCell {
    Cell cell;
    std::vector<TimedBlocking> blockings;

    /// The fastest of them, if any is right.
    const TimedBlocking* best() const;
    const TimedBlocking* chosen() const;
};

/// Seconds of a run; NaN where it was not timed.
double median_seconds(const TimedBlocking& blocking);

/// What a blocking takes over the fastest, less one; NaN where it was not timed.
double loss_of(const TunedCell& tuned, const TimedBlocking& blocking);

/// "wide", "1x1", "few channels" (less than 20 on a side of a group) or "depthwise".
std::string layer_class(const Cell& cell);

/// A line for every cell, and the chosen blockings' mean loss for every operation and class of layers.
std::string format_tuning(const std::vector<TunedCell>& tuned);

}  // namespace backgrad::bench
