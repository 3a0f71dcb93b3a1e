#pragma once

#include <backgrad/export.h>
#include <backgrad/error.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

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
class BACKGRAD_EXPORT Executor {
public:
    virtual ~Executor() = default;

    /// Upper bound of the worker numbers handed to task bodies, at least 1. It sizes per-worker scratch memory.
    virtual int workers() const noexcept = 0;

    /// Runs `body(task, worker)` once for every task in [0, task_count) and returns when all are done.
    virtual void run(std::int64_t task_count, TaskBody body) noexcept = 0;
};

/// Consecutive tasks [begin, end).
struct TaskRange {
    std::int64_t begin;
    std::int64_t end;
};

/// The tasks of worker `worker` of `workers` under a static schedule: consecutive, equal but for one task, the same
/// from call to call.
constexpr TaskRange static_share(std::int64_t task_count, int worker, int workers) noexcept {
    const std::int64_t least = task_count / workers;
    const std::int64_t longer_shares = task_count % workers;
    const std::int64_t begin = worker * least + std::min<std::int64_t>(worker, longer_shares);
    return {begin, begin + least + (worker < longer_shares ? 1 : 0)};
}

/// A thread pool behind a C function: `parallel_for(pool, task_count, body, context)` calls `body(context, task,
/// worker)` once for every task in [0, task_count), in any order, on any threads, with 0 <= worker < workers and never
/// two calls at once under one worker, and returns when all are done. It must not throw. Several threads may call it
/// at once if several threads execute plans.
class CallbackExecutor : public Executor {
public:
    using Body = void (*)(void* context, std::int64_t task, int worker);
    using ParallelFor = void (*)(void* pool, std::int64_t task_count, Body body, void* context);

    /// `pool` is handed on as it is and may be null. Throws Error for a null function or less than one worker.
    CallbackExecutor(ParallelFor parallel_for, void* pool, int workers)
        : parallel_for_(parallel_for), pool_(pool), workers_(workers) {
        if (parallel_for == nullptr) throw Error("parallel_for", "a function", "a null pointer");
        if (workers < 1) throw Error("workers", "at least 1", std::to_string(workers));
    }

    int workers() const noexcept override { return workers_; }

    void run(std::int64_t task_count, TaskBody body) noexcept override {
        if (task_count > 0) parallel_for_(pool_, task_count, forward, &body);
    }

private:
    static void forward(void* context, std::int64_t task, int worker) {
        (*static_cast<const TaskBody*>(context))(task, worker);
    }

    ParallelFor parallel_for_;
    void* pool_;
    int workers_;
};

}  // namespace backgrad
