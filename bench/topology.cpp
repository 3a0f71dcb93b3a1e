#include "topology.hpp"

#include <hwloc.h>

namespace backgrad::bench {

Topology machine_topology() {
    Topology result;
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology) != 0) return result;
    if (hwloc_topology_load(topology) == 0) {
        result.sockets = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PACKAGE);
        result.cores = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
        result.hardware_threads = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
        result.numa_nodes = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE);
        result.core_kinds = hwloc_cpukinds_get_nr(topology, 0);
    }
    hwloc_topology_destroy(topology);
    return result;
}

}  // namespace backgrad::bench
