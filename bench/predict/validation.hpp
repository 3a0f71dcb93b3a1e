#pragma once

#include "arguments.hpp"

#include <string>
#include <vector>

namespace backgrad::bench {

/// Compares what predict says without a machine file with the time that OpenMP takes here, in validation.jsonl and a
/// table on stdout. Returns true if, for every thread count, the geometric mean of predicted / measured is within 10%.
bool run_validation(const Arguments& arguments, const std::vector<std::string>& command_line);

}  // namespace backgrad::bench
