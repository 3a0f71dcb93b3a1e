#pragma once

#include "arguments.hpp"

#include <string>
#include <vector>

namespace backgrad::bench {

/// Measures all that the arguments ask for. Returns true if no cell was wrong or failed. Throws Error before anything
/// is measured.
bool run(const Arguments& arguments, const std::vector<std::string>& command_line);

}  // namespace backgrad::bench
