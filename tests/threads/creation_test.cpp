// Starting a thread costs more than a small layer's gradients: whoever makes plans again and again pays for it once.
#include "observed_run.hpp"

#include <backgrad/executor.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>

namespace backgrad::test {
namespace {

constexpr int workers = 3;

std::shared_ptr<Executor> std_threads() {
    return threads::make_executor(
        threads::resolve({.backend = Backend::std_threads, .threads = workers, .schedule = Schedule::static_}));
}

/// How many threads have met a task of some executors, each of which is made, used and dropped before the next.
template <class Tag>
int threads_of_many_executors(const std::function<std::shared_ptr<Executor>(Tag)>& make) {
    static std::atomic<int> met{0};
    struct Meeting {
        Meeting() { ++met; }
    };
    for (int repeat = 0; repeat < 50; ++repeat)
        threads::run(*make(Tag{}), 2 * workers, [](std::int64_t, int) noexcept {
            // One per thread: identifiers would not do, those of ended threads are given to new ones.
            static thread_local const Meeting meeting;
            static_cast<void>(meeting);
        });
    return met;
}

TEST(ThreadCreation, IsPaidOnceByAllExecutorsOfTheStdPool) {
    struct Std {};
    EXPECT_EQ(threads_of_many_executors<Std>([](Std) { return std_threads(); }), workers);
}

void hand_to_pool(void* pool, std::int64_t task_count, CallbackExecutor::Body body, void* context) {
    threads::run(*static_cast<Executor*>(pool), task_count,
                 [&](std::int64_t task, int worker) noexcept { body(context, task, worker); });
}

TEST(ThreadCreation, IsTheCallersWhereAPoolIsHandedIn) {
    struct Callers {};
    const std::shared_ptr<Executor> pool = std_threads();
    EXPECT_EQ(threads_of_many_executors<Callers>([&](Callers) -> std::shared_ptr<Executor> {
                  return std::make_shared<CallbackExecutor>(hand_to_pool, pool.get(), workers);
              }),
              workers);
}

}  // namespace
}  // namespace backgrad::test
