#pragma once

#include "topology.hpp"

#include <string>
#include <vector>

namespace backgrad::bench {

/// What makes `threads` threads scale worse than their number says: too few processors, of `allowed` ones those that
/// the control group's quota leaves usable; shared cores; unequal cores.
std::vector<std::string> thread_warnings(int threads, int usable, int allowed, const Topology& topology);

}  // namespace backgrad::bench
