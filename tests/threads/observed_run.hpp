#pragma once

#include "threads/make_executor.hpp"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace backgrad::test {

/// What happened in one run: how often each task ran, under which worker and on which thread, and how often a worker
/// number was out of range or used by two tasks at once.
class ObservedRun {
public:
    ObservedRun(std::int64_t task_count, int workers)
        : workers(static_cast<std::size_t>(task_count), -1),
          threads(static_cast<std::size_t>(task_count)),
          counts_(static_cast<std::size_t>(task_count)),
          inside_(static_cast<std::size_t>(workers)) {}

    void operator()(std::int64_t task, int worker) noexcept {
        const auto index = static_cast<std::size_t>(task);
        if (worker < 0 || static_cast<std::size_t>(worker) >= inside_.size()) {
            ++violations_;
            return;
        }
        if (inside_[static_cast<std::size_t>(worker)].exchange(true)) ++violations_;
        counts_[index].fetch_add(1);
        workers[index] = worker;
        threads[index] = std::this_thread::get_id();
        // Long enough for the other threads to arrive while this task runs.
        for (int look = 0; look < 300; ++look) static_cast<void>(inside_[static_cast<std::size_t>(worker)].load());
        inside_[static_cast<std::size_t>(worker)].store(false);
    }

    bool every_task_ran_once() const {
        for (const std::atomic<int>& count : counts_) {
            if (count != 1) return false;
        }
        return true;
    }
    int violations() const { return violations_; }

    std::vector<int> workers;
    std::vector<std::thread::id> threads;

private:
    std::vector<std::atomic<int>> counts_;
    std::vector<std::atomic<bool>> inside_;
    std::atomic<int> violations_{0};
};

/// Runs `task_count` observed tasks.
inline void observe(Executor& executor, std::int64_t task_count, ObservedRun& observed) {
    threads::run(executor, task_count, [&observed](std::int64_t task, int worker) noexcept { observed(task, worker); });
}

}  // namespace backgrad::test
