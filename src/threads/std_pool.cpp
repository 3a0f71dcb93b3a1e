#include "threads/std_pool.hpp"

#include "threads/backends.hpp"

#include <chrono>
#include <system_error>

namespace backgrad::threads {
namespace {

/// Tells the processor that this is a spin loop, so that it saves power and leaves the core to its sibling.
void relax() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/// Returns the first value that is `done`, read with acquire order: spins, then sleeps.
template <class Done>
int wait_until(const std::atomic<int>& value, Done done) noexcept {
    using Clock = std::chrono::steady_clock;
    constexpr int looks_per_clock = 32;  // reading the clock costs about as much as a pause
    constexpr std::chrono::microseconds patience(4);
    const Clock::time_point start = Clock::now();
    Clock::time_point now;
    do {
        for (int look = 0; look < looks_per_clock; ++look) {
            const int seen = value.load(std::memory_order_acquire);
            if (done(seen)) return seen;
            relax();
        }
        // The system may have put the thread to wait for on this very processor: without yielding, two threads on one
        // processor took 104 microseconds a run. Not at once, because others would take the processor, too.
        now = Clock::now();
        if (now > start + patience) std::this_thread::yield();
    } while (now < start + std::chrono::microseconds(StdPool::spin_microseconds));
    for (;;) {
        const int seen = value.load(std::memory_order_acquire);
        if (done(seen)) return seen;
        value.wait(seen, std::memory_order_acquire);
    }
}

}  // namespace

StdPool::StdPool(int threads) : threads_(threads) {
    helpers_.reserve(static_cast<std::size_t>(threads - 1));
    try {
        for (int worker = 1; worker < threads; ++worker) helpers_.emplace_back([this, worker] { serve(worker); });
    } catch (const std::system_error& error) {
        const std::size_t granted = helpers_.size();
        stop();
        throw Error("strategy.threads", "a number of threads that the system grants",
                    std::to_string(threads) + ", of which it granted " + std::to_string(granted + 1) + " (" +
                        error.what() + ")");
    }
}

StdPool::~StdPool() { stop(); }

void StdPool::stop() noexcept {
    stopping_ = true;
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    for (std::thread& helper : helpers_) helper.join();
    helpers_.clear();
}

void StdPool::run(std::int64_t task_count, int chunk, TaskBody body) noexcept {
    if (busy_.test_and_set(std::memory_order_acquire)) return run_serially(task_count, body);
    task_count_ = task_count;
    chunk_ = chunk;
    body_ = body;
    next_task_.store(0, std::memory_order_relaxed);
    working_.store(threads_ - 1, std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    work(0);
    wait_until(working_, [](int helpers) { return helpers == 0; });
    busy_.clear(std::memory_order_release);
}

void StdPool::serve(int worker) noexcept {
    for (int round = 0;;) {
        round = wait_until(round_, [round](int now) { return now != round; });
        if (stopping_) return;
        work(worker);
        if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) working_.notify_one();
    }
}

void StdPool::work(int worker) noexcept {
    if (chunk_ == 0) {
        const TaskRange range = static_share(task_count_, worker, threads_);
        for (std::int64_t task = range.begin; task < range.end; ++task) body_(task, worker);
        return;
    }
    for (;;) {
        const std::int64_t begin = next_task_.fetch_add(chunk_, std::memory_order_relaxed);
        if (begin >= task_count_) return;
        const std::int64_t end = std::min(begin + chunk_, task_count_);
        for (std::int64_t task = begin; task < end; ++task) body_(task, worker);
    }
}

}  // namespace backgrad::threads
