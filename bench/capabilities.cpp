#include "capabilities.hpp"

#include <backgrad/activation.hpp>

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

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

/// CPUs' worth of time that the control group allows, or infinity.
double cpu_quota() {
    std::ifstream file("/sys/fs/cgroup/cpu.max");
    std::string quota;
    double period = 0;
    if (!(file >> quota >> period) || quota == "max" || period <= 0) return HUGE_VAL;
    return std::stod(quota) / period;
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

int usable_cpus() {
    const double count = std::min<double>(static_cast<double>(allowed_cpus().size()), std::ceil(cpu_quota()));
    return std::max(1, static_cast<int>(count));
}

}  // namespace backgrad::bench
