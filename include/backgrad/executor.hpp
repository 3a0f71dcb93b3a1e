#pragma once

#include <cstdint>

namespace backgrad {

/// A task body: a plain function and its context, so that a call costs no allocation and crosses a C boundary.
struct TaskBody {
    /// Runs task `task`. `worker` is below `Executor::workers()`; no two tasks run at once under the same worker.
    void (*invoke)(void* context, std::int64_t task, int worker) noexcept;
    void* context;

    void operator()(std::int64_t task, int worker) const noexcept { invoke(context, task, worker); }
};

/// The threading seam: who runs which task, and when. Derive from it to lend backgrad your own thread pool.
///
/// backgrad calls `run` once per phase from the thread that executes a plan, possibly from several such threads at
/// once on one executor. Tasks never wait for each other, never start tasks and never throw, so any order, any
/// number of threads (also one, also in reverse) is correct and gives the same bits.
class Executor {
public:
    virtual ~Executor() = default;

    /// Upper bound of the worker numbers handed to task bodies, at least 1. It sizes per-worker scratch memory.
    virtual int workers() const noexcept = 0;

    /// Runs `body(task, worker)` once for every task in [0, task_count) and returns when all are done.
    virtual void run(std::int64_t task_count, TaskBody body) noexcept = 0;
};

}  // namespace backgrad
