#pragma once

#include "arguments.hpp"

#include <string>
#include <vector>

namespace backgrad::bench {

/// Times the blockings of every cell that the arguments ask for; writes tune.jsonl and context.json, and a table on
/// stdout. True if every blocking was right.
bool run_tuning(const Arguments& arguments, const std::vector<std::string>& command_line);

}  // namespace backgrad::bench
