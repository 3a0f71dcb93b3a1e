#pragma once

#include "results.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace backgrad::bench {

/// Amdahl's serial fraction f of 1 / speedup = f + (1 - f) / threads, the least-squares fit over the speedups of more
/// than one thread (of one such count: Karp and Flatt's metric). Empty without one.
std::optional<double> serial_fraction(const std::map<int, double>& speedups);

/// Efficiency per thread count and serial fraction of each shape and strategy, against the best time on one thread of
/// backgrad's own variants; empty unless several thread counts were measured. With weak scaling the work grows with the
/// threads.
std::string format_scaling(const std::vector<Result>& results);

}  // namespace backgrad::bench
