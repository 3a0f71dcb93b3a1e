#pragma once

namespace backgrad::bench {

/// What hwloc says about the machine, as far as it changes how threads scale.
struct Topology {
    int sockets = 0;
    int cores = 0;
    int hardware_threads = 0;  ///< more than cores: simultaneous multithreading
    int numa_nodes = 0;
    int core_kinds = 0;  ///< more than 1: unequal cores
};
Topology machine_topology();

}  // namespace backgrad::bench
