#include "capabilities.hpp"

#include "threads/machine.hpp"

#include <backgrad/activation.hpp>

#include <sched.h>

#include <algorithm>

namespace backgrad::bench {
namespace {

/// The library is the only judge of what it can do, so ask it for the smallest of plans.
bool plan_possible(const Strategy& strategy) {
    try {
        ActivationBackwardOptions options;
        options.strategy = strategy;
        ActivationBackward<float>(1, options);
        return true;
    } catch (const Error&) {
        return false;
    }
}

}  // namespace

bool isa_available(Isa isa) {
    Strategy strategy;
    strategy.backend = Backend::serial;
    strategy.isa = isa;
    return plan_possible(strategy);
}

Isa best_isa() {
    ActivationBackwardOptions options;
    options.strategy.backend = Backend::serial;
    return ActivationBackward<float>(1, options).strategy().isa;
}

bool backend_available(Backend backend) {
    Strategy strategy;
    strategy.backend = backend;
    return plan_possible(strategy);
}

std::vector<int> allowed_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<int> cpus;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
    return cpus;
}

int usable_cpus() { return std::min(static_cast<int>(allowed_cpus().size()), threads::available_processors()); }

}  // namespace backgrad::bench
