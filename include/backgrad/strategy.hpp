#pragma once

#include <backgrad/export.h>
#include <backgrad/executor.hpp>
#include <backgrad/types.hpp>

#include <memory>

namespace backgrad {

/// Who runs the tasks.
enum class Backend {
    automatic,    ///< caller with an executor, else BACKGRAD_BACKEND, else OpenMP (built without: std_threads)
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

/// How tasks are handed to workers. OpenMP knows the first three, std_threads the first two, oneTBB `static_` and the
/// last three; serial has nothing to choose and caller's schedule is the executor's own.
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
/// (BACKGRAD_BACKEND, BACKGRAD_NUM_THREADS, BACKGRAD_PARTITION, BACKGRAD_SCHEDULE, BACKGRAD_REDUCTION with the words of
/// names.hpp; BACKGRAD_MAX_ISA caps an automatic isa), then OMP_NUM_THREADS, then the machine. With BACKGRAD_VERBOSE=1
/// every new plan tells its strategy on stderr. Combinations that make no sense throw Error.
struct Strategy {
    Backend backend = Backend::automatic;
    /// 0: automatic. That means 1 inside a host's OpenMP parallel region and in a forked child, and a problem that is
    /// too small to gain by more threads stays on the calling thread. Another number is used to the letter.
    int threads = 0;
    Partition partition = Partition::automatic;
    Schedule schedule = Schedule::automatic;
    int chunk = 0;  ///< tasks per chunk; 0: the back end's default. Not for serial, nor static_ outside OpenMP
    Reduction reduction = Reduction::automatic;
    Isa isa = Isa::automatic;
    Executor* executor = nullptr;  ///< for Backend::caller; not owned, must outlive the plan
};

/// An executor that runs tasks as a plan with this strategy would, for code of your own beside backgrad's. Executors
/// of one kind share their threads. Throws Error for a strategy that makes no sense or where no threads are granted.
BACKGRAD_EXPORT std::shared_ptr<Executor> make_executor(const Strategy& strategy);

}  // namespace backgrad
