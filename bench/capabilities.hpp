#pragma once

#include <backgrad/strategy.hpp>

#include <vector>

namespace backgrad::bench {

/// True if plans for the ISA can be made here.
bool isa_available(Isa isa);

/// The ISA that the library chooses by itself.
Isa best_isa();

/// True if the library was built with the threading back end.
bool backend_available(Backend backend);

/// The CPUs that this process may run on.
std::vector<int> allowed_cpus();

/// How many threads can run at once: the allowed CPUs, capped by the control group's quota.
int usable_cpus();

}  // namespace backgrad::bench
