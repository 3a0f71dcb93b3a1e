#include "variants/caller_pool.hpp"

namespace backgrad::bench {

CallerPool::CallerPool(int threads) {
    for (int worker = 1; worker < threads; ++worker) threads_.emplace_back([this, worker] { serve(worker); });
}

CallerPool::~CallerPool() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void CallerPool::run(std::int64_t task_count, TaskBody body) noexcept {
    {
        const std::lock_guard lock(mutex_);
        task_count_ = task_count;
        body_ = body;
        next_ = 0;
        busy_ = static_cast<int>(threads_.size());
        ++phase_;
    }
    changed_.notify_all();
    draw_tasks(0);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return busy_ == 0; });
}

void CallerPool::serve(int worker) {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return stopping_ || phase_ != seen; });
        if (stopping_) return;
        seen = phase_;
        lock.unlock();
        draw_tasks(worker);
        lock.lock();
        if (--busy_ == 0) changed_.notify_all();
    }
}

void CallerPool::draw_tasks(int worker) noexcept {
    for (std::int64_t task; (task = next_.fetch_add(1)) < task_count_;) body_(task, worker);
}

}  // namespace backgrad::bench
