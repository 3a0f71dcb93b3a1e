#include "observed_run.hpp"

#include <backgrad/error.hpp>
#include <backgrad/executor.hpp>
#ifdef BACKGRAD_HAS_TBB
#include <backgrad/tbb.hpp>

#include <oneapi/tbb/global_control.h>
#endif

#include <gtest/gtest.h>

namespace backgrad::test {
namespace {

void run_in_reverse(void* calls, std::int64_t task_count, CallbackExecutor::Body body, void* context) {
    ++*static_cast<int*>(calls);
    for (std::int64_t task = task_count - 1; task >= 0; --task) body(context, task, 0);
}

TEST(CallbackExecutor, HandsTheTasksToTheCallersFunction) {
    int calls = 0;
    CallbackExecutor executor(run_in_reverse, &calls, 4);
    EXPECT_EQ(executor.workers(), 4);
    ObservedRun observed(100, 4);
    observe(executor, 100, observed);
    EXPECT_TRUE(observed.every_task_ran_once());
    EXPECT_EQ(observed.violations(), 0);
    EXPECT_EQ(calls, 1);
}

TEST(CallbackExecutor, DoesNotBotherTheCallerWithoutTasks) {
    int calls = 0;
    CallbackExecutor executor(run_in_reverse, &calls, 1);
    ObservedRun observed(0, 1);
    observe(executor, 0, observed);
    EXPECT_EQ(calls, 0);
}

TEST(CallbackExecutor, RejectsANullFunctionAndNoWorkers) {
    EXPECT_THROW(CallbackExecutor(nullptr, nullptr, 1), Error);
    EXPECT_THROW(CallbackExecutor(run_in_reverse, nullptr, 0), Error);
}

#ifdef BACKGRAD_HAS_TBB

class TbbArenaTest : public testing::TestWithParam<int> {};

TEST_P(TbbArenaTest, RunsInTheCallersArena) {
    tbb::task_arena arena(GetParam());
    TbbArenaExecutor executor(arena);
    EXPECT_EQ(executor.workers(), GetParam());
    for (const std::int64_t task_count : {0, 1, 2, 100}) {
        ObservedRun observed(task_count, executor.workers());
        observe(executor, task_count, observed);
        EXPECT_TRUE(observed.every_task_ran_once());
        EXPECT_EQ(observed.violations(), 0);
    }
}

TEST_P(TbbArenaTest, RunsInsideTasksOfTheSameArena) {
    tbb::task_arena arena(GetParam());
    TbbArenaExecutor executor(arena);
    std::atomic<int> failures{0};
    arena.execute([&] {
        tbb::parallel_for(0, 20, [&](int) {
            ObservedRun observed(31, executor.workers());
            observe(executor, 31, observed);
            if (!observed.every_task_ran_once() || observed.violations() != 0) ++failures;
        });
    });
    EXPECT_EQ(failures, 0);
}

TEST(TbbBackEnd, RunsOnAsManySlotsAsTheHostAllows) {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, 6);
    for (const Schedule schedule :
         {Schedule::static_, Schedule::tbb_auto, Schedule::tbb_affinity, Schedule::tbb_simple}) {
        const std::shared_ptr<Executor> executor =
            threads::make_executor(threads::resolve({.backend = Backend::tbb, .threads = 7, .schedule = schedule}));
        EXPECT_EQ(executor->workers(), 6);
        for (int repeat = 0; repeat < 20; ++repeat) {
            ObservedRun observed(300, executor->workers());
            observe(*executor, 300, observed);
            EXPECT_TRUE(observed.every_task_ran_once());
            EXPECT_EQ(observed.violations(), 0);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Slots, TbbArenaTest, testing::Values(1, 2, 5));

#endif

}  // namespace
}  // namespace backgrad::test
