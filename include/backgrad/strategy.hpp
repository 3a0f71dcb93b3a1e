#pragma once

#include <backgrad/executor.hpp>
#include <backgrad/types.hpp>

namespace backgrad {

/// Who runs the tasks.
enum class Backend {
    automatic,    ///< BACKGRAD_BACKEND, else OpenMP
    serial,       ///< the calling thread
    openmp,       ///< an OpenMP parallel region
    tbb,          ///< a oneTBB task arena
    std_threads,  ///< backgrad's own pool of std::thread, a baseline for comparisons
    caller,       ///< `Strategy::executor`
};

/// Which dimensions of the problem are cut into tasks.
enum class Partition {
    automatic,      ///< chosen from the shape; the only one under the same-bits promise
    batch,          ///< images
    channel,        ///< channel blocks
    batch_channel,  ///< images x channel blocks
    spatial,        ///< images x rows of pixels
};

/// How tasks are handed to workers. OpenMP knows the first three, oneTBB `static_` and the last three.
enum class Schedule {
    automatic,     ///< static_
    static_,       ///< equal shares, the same from call to call
    dynamic,       ///< chunks on demand
    guided,        ///< shrinking chunks on demand
    tbb_auto,      ///< oneTBB auto_partitioner
    tbb_affinity,  ///< oneTBB affinity_partitioner
    tbb_simple,    ///< oneTBB simple_partitioner
};

/// How the sum over batch and pixels of a weight gradient is shared.
enum class Reduction {
    automatic,  ///< chosen from the shape; the only one under the same-bits promise
    owner,      ///< each weight block has one owner who adds everything; no partial buffers
    partials,   ///< groups of segments are summed on their own and joined by a fixed tree
};

/// How one plan is threaded. Fields left at their default are filled when the plan is made: from the environment
/// (BACKGRAD_BACKEND, BACKGRAD_NUM_THREADS, BACKGRAD_PARTITION, BACKGRAD_SCHEDULE, BACKGRAD_REDUCTION,
/// BACKGRAD_MAX_ISA), then OMP_NUM_THREADS, then the machine.
struct Strategy {
    Backend backend = Backend::automatic;
    int threads = 0;  ///< 0: automatic; inside a host's OpenMP parallel region that means 1
    Partition partition = Partition::automatic;
    Schedule schedule = Schedule::automatic;
    int chunk = 0;  ///< tasks per chunk for dynamic and guided; 0: the back end's default
    Reduction reduction = Reduction::automatic;
    Isa isa = Isa::automatic;
    Executor* executor = nullptr;  ///< for Backend::caller; not owned, must outlive the plan
};

}  // namespace backgrad
