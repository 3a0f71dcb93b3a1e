#pragma once

#include "results.hpp"

#include <string>
#include <vector>

namespace backgrad::bench {

/// The table at the end: per shape, operation and thread count every variant with its time, its speedup over serial
/// and over the peer's faster variant.
std::string format_table(const std::vector<Result>& results);

}  // namespace backgrad::bench
