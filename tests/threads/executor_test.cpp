#include "configurations.hpp"
#include "observed_run.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace backgrad::test {
namespace {

class ExecutorTest : public testing::TestWithParam<Strategy> {
protected:
    Strategy strategy_ = threads::resolve(GetParam());
    std::shared_ptr<Executor> executor_ = threads::make_executor(strategy_);
};

TEST_P(ExecutorTest, RunsEveryTaskOnceUnderAWorkerOfItsOwn) {
    ASSERT_GE(executor_->workers(), 1);
    for (const std::int64_t task_count : {0, 1, 2, 3, 4, 15, 16, 17, 1000}) {
        ObservedRun observed(task_count, executor_->workers());
        observe(*executor_, task_count, observed);
        EXPECT_TRUE(observed.every_task_ran_once()) << task_count << " tasks";
        EXPECT_EQ(observed.violations(), 0) << task_count << " tasks";
    }
}

TEST_P(ExecutorTest, SurvivesManySmallRuns) {
    for (int repeat = 0; repeat < 300; ++repeat) {
        ObservedRun observed(7, executor_->workers());
        observe(*executor_, 7, observed);
        ASSERT_TRUE(observed.every_task_ran_once());
        ASSERT_EQ(observed.violations(), 0);
    }
}

TEST_P(ExecutorTest, RunsASingleTaskOnTheCallingThread) {
    ObservedRun observed(1, executor_->workers());
    observe(*executor_, 1, observed);
    EXPECT_EQ(observed.threads[0], std::this_thread::get_id());
}

TEST_P(ExecutorTest, ServesEightHostThreadsAtOnce) {
    std::atomic<int> failures{0};
    std::vector<std::thread> hosts;
    for (int host = 0; host < 8; ++host) {
        hosts.emplace_back([&] {
            for (int repeat = 0; repeat < 10; ++repeat) {
                ObservedRun observed(61, executor_->workers());
                observe(*executor_, 61, observed);
                if (!observed.every_task_ran_once() || observed.violations() != 0) ++failures;
            }
        });
    }
    for (std::thread& host : hosts) host.join();
    EXPECT_EQ(failures, 0);
}

INSTANTIATE_TEST_SUITE_P(All, ExecutorTest, testing::ValuesIn(thread_configurations()),
                         [](const auto& info) { return configuration_name(info.param); });

class StaticExecutorTest : public ExecutorTest {};

TEST_P(StaticExecutorTest, GivesEqualTasksToEqualWorkersFromCallToCall) {
    ObservedRun first(101, executor_->workers());
    observe(*executor_, 101, first);
    for (int repeat = 0; repeat < 20; ++repeat) {
        ObservedRun again(101, executor_->workers());
        observe(*executor_, 101, again);
        ASSERT_EQ(again.workers, first.workers);
    }
    const std::shared_ptr<Executor> other = threads::make_executor(strategy_);
    ObservedRun of_other(101, other->workers());
    observe(*other, 101, of_other);
    EXPECT_EQ(of_other.workers, first.workers);
}

TEST_P(StaticExecutorTest, GivesAWorkerOneBlockOrItsChunksInTurn) {
    ObservedRun observed(101, executor_->workers());
    observe(*executor_, 101, observed);
    if (strategy_.chunk == 0) {
        EXPECT_TRUE(std::ranges::is_sorted(observed.workers));
        return;
    }
    const int granted = *std::ranges::max_element(observed.workers) + 1;
    for (int task = 0; task < 101; ++task) {
        EXPECT_EQ(observed.workers[static_cast<std::size_t>(task)], task / strategy_.chunk % granted);
    }
}

INSTANTIATE_TEST_SUITE_P(All, StaticExecutorTest, testing::ValuesIn(static_configurations()),
                         [](const auto& info) { return configuration_name(info.param); });

TEST(StaticShare, CutsIntoConsecutiveSharesThatDifferByOneTask) {
    for (const std::int64_t task_count : {0, 1, 5, 16, 17, 1000}) {
        for (const int workers : {1, 2, 3, 16}) {
            std::int64_t next = 0;
            for (int worker = 0; worker < workers; ++worker) {
                const TaskRange range = static_share(task_count, worker, workers);
                EXPECT_EQ(range.begin, next);
                EXPECT_GE(range.end - range.begin, task_count / workers);
                EXPECT_LE(range.end - range.begin, task_count / workers + 1);
                next = range.end;
            }
            EXPECT_EQ(next, task_count);
        }
    }
}

}  // namespace
}  // namespace backgrad::test
