#pragma once

#include <backgrad/executor.hpp>

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

namespace backgrad {

/// Runs plans in a oneTBB task arena of the caller. Optional: programs that include this header link oneTBB.
///
/// The tasks are cut into one share per slot of the arena and the shares are numbered, not the threads: share w runs
/// under worker w, whoever takes it. So workers are unique within a run however many threads the arena grants, and
/// equal tasks meet equal workers from call to call. The calling thread, while it waits, takes no tasks of the host.
class TbbArenaExecutor final : public Executor {
public:
    /// The arena is not owned and must outlive the executor. Its concurrency is read now.
    explicit TbbArenaExecutor(tbb::task_arena& arena) : arena_(arena), workers_(concurrency(arena)) {}

    int workers() const noexcept override { return workers_; }

    void run(std::int64_t task_count, TaskBody body) noexcept override {
        if (task_count <= 1 || workers_ == 1) {
            for (std::int64_t task = 0; task < task_count; ++task) body(task, 0);
            return;
        }
        arena_.execute([&] { tbb::this_task_arena::isolate([&] { run_shares(task_count, body); }); });
    }

private:
    static int concurrency(tbb::task_arena& arena) {
        arena.initialize();
        return std::max(1, arena.max_concurrency());
    }

    void run_shares(std::int64_t task_count, TaskBody body) const {
        const auto run_range = [&](const tbb::blocked_range<int>& shares) {
            for (int worker = shares.begin(); worker < shares.end(); ++worker) {
                const TaskRange range = static_share(task_count, worker, workers_);
                for (std::int64_t task = range.begin; task < range.end; ++task) body(task, worker);
            }
        };
        tbb::parallel_for(tbb::blocked_range<int>(0, workers_, 1), run_range, tbb::static_partitioner{});
    }

    tbb::task_arena& arena_;
    int workers_;
};

}  // namespace backgrad
