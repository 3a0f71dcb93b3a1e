#pragma once

#include "arguments.hpp"

#include <nlohmann/json_fwd.hpp>

namespace backgrad::bench {

/// Machine, compiler, settings and revision: what a reader of the figures needs to judge them.
nlohmann::ordered_json describe_context(const Arguments& arguments, const std::vector<std::string>& command_line);

}  // namespace backgrad::bench
