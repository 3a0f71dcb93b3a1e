#pragma once

#include <backgrad/executor.hpp>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace backgrad::threads {

/// A plain pool of std::thread, the baseline to compare the runtimes with. A thread that waits spins for at most
/// spin_microseconds and then sleeps.
class StdPool {
public:
    static constexpr int spin_microseconds = 50;

    /// Starts threads - 1 threads; the thread that calls `run` is worker 0. Throws Error if the system grants fewer.
    explicit StdPool(int threads);
    ~StdPool();
    StdPool(const StdPool&) = delete;
    StdPool& operator=(const StdPool&) = delete;

    int threads() const noexcept { return threads_; }

    /// Runs the tasks: in static shares if chunk is 0, else by chunks on demand. A run that finds the pool busy, with
    /// another thread's run or from inside a task, does all its tasks itself.
    void run(std::int64_t task_count, int chunk, TaskBody body) noexcept;

private:
    void serve(int worker) noexcept;
    void work(int worker) noexcept;
    void stop() noexcept;

    int threads_;
    std::vector<std::thread> helpers_;
    std::atomic_flag busy_ = ATOMIC_FLAG_INIT;

    // The current run. Written before `round_` tells the helpers, read by them until they sign off in `working_`.
    std::int64_t task_count_ = 0;
    int chunk_ = 0;
    TaskBody body_{};
    bool stopping_ = false;

    // On cache lines of their own: all workers write them at once.
    alignas(64) std::atomic<int> round_{0};
    alignas(64) std::atomic<int> working_{0};
    alignas(64) std::atomic<std::int64_t> next_task_{0};
};

}  // namespace backgrad::threads
