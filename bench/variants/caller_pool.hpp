#pragma once

#include <backgrad/executor.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace backgrad::bench {

/// A thread pool as an application may have one, lent to backgrad as its executor: workers sleep on a condition
/// variable and draw tasks from a shared counter.
class CallerPool final : public Executor {
public:
    explicit CallerPool(int threads);
    ~CallerPool() override;

    int workers() const noexcept override { return static_cast<int>(threads_.size()) + 1; }
    void run(std::int64_t task_count, TaskBody body) noexcept override;

private:
    void serve(int worker);
    void draw_tasks(int worker) noexcept;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t phase_ = 0;
    int busy_ = 0;
    bool stopping_ = false;
    std::atomic<std::int64_t> next_{0};
    std::int64_t task_count_ = 0;
    TaskBody body_{nullptr, nullptr};
    std::vector<std::thread> threads_;
};

}  // namespace backgrad::bench
