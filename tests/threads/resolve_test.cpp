#include "environment.hpp"
#include "threads/make_executor.hpp"

#include <backgrad/error.hpp>
#include <backgrad/executor.hpp>

#include <gtest/gtest.h>

#include <list>
#include <string>
#include <thread>

namespace backgrad::test {
namespace {

/// Starts every test from an environment without backgrad's variables.
class ResolveTest : public testing::Test {
protected:
    ResolveTest() {
        for (const char* variable : {"BACKGRAD_BACKEND", "BACKGRAD_NUM_THREADS", "BACKGRAD_PARTITION",
                                     "BACKGRAD_SCHEDULE", "BACKGRAD_REDUCTION", "OMP_NUM_THREADS"}) {
            cleared_.emplace_back(variable, nullptr);
        }
    }

    /// The argument that an Error blames, or "" if there is none.
    static std::string blamed(const Strategy& asked) {
        try {
            threads::resolve(asked);
            return "";
        } catch (const Error& error) {
            return error.argument();
        }
    }

private:
    std::list<ScopedEnvironment> cleared_;
};

TEST_F(ResolveTest, FillsEveryFieldFromTheMachine) {
    const Strategy strategy = threads::resolve({});
#ifdef BACKGRAD_HAS_OPENMP
    EXPECT_EQ(strategy.backend, Backend::openmp);
#else
    EXPECT_EQ(strategy.backend, Backend::std_threads);
#endif
    EXPECT_GE(strategy.threads, 1);
    EXPECT_LE(strategy.threads, static_cast<int>(std::thread::hardware_concurrency()));
    EXPECT_EQ(strategy.schedule, Schedule::static_);
    EXPECT_EQ(strategy.partition, Partition::automatic);
    EXPECT_EQ(strategy.reduction, Reduction::automatic);
}

TEST_F(ResolveTest, FillsFieldsFromTheEnvironment) {
    const ScopedEnvironment backend("BACKGRAD_BACKEND", "std");
    const ScopedEnvironment threads("BACKGRAD_NUM_THREADS", "7");
    const ScopedEnvironment omp_threads("OMP_NUM_THREADS", "5");
    const ScopedEnvironment partition("BACKGRAD_PARTITION", "spatial");
    const ScopedEnvironment schedule("BACKGRAD_SCHEDULE", "dynamic:4");
    const ScopedEnvironment reduction("BACKGRAD_REDUCTION", "partials");
    const Strategy strategy = threads::resolve({});
    EXPECT_EQ(strategy.backend, Backend::std_threads);
    EXPECT_EQ(strategy.threads, 7);
    EXPECT_EQ(strategy.partition, Partition::spatial);
    EXPECT_EQ(strategy.schedule, Schedule::dynamic);
    EXPECT_EQ(strategy.chunk, 4);
    EXPECT_EQ(strategy.reduction, Reduction::partials);
}

TEST_F(ResolveTest, ValuesOfTheCallWinOverTheEnvironment) {
    const ScopedEnvironment backend("BACKGRAD_BACKEND", "nonsense");
    const ScopedEnvironment threads("BACKGRAD_NUM_THREADS", "7");
    const ScopedEnvironment schedule("BACKGRAD_SCHEDULE", "dynamic");
    const Strategy strategy =
        threads::resolve({.backend = Backend::std_threads, .threads = 2, .schedule = Schedule::static_});
    EXPECT_EQ(strategy.backend, Backend::std_threads);
    EXPECT_EQ(strategy.threads, 2);
    EXPECT_EQ(strategy.schedule, Schedule::static_);
}

TEST_F(ResolveTest, TakesTheOutermostCountOfOmpNumThreads) {
    const ScopedEnvironment threads("OMP_NUM_THREADS", "3,2");
    EXPECT_EQ(threads::resolve({}).threads, 3);
}

TEST_F(ResolveTest, BlamesTheVariableThatHoldsAnUnknownWord) {
    for (const char* variable : {"BACKGRAD_BACKEND", "BACKGRAD_NUM_THREADS", "BACKGRAD_PARTITION", "BACKGRAD_SCHEDULE",
                                 "BACKGRAD_REDUCTION"}) {
        const ScopedEnvironment environment(variable, "nonsense");
        EXPECT_EQ(blamed({.backend = Backend::automatic}), variable);
    }
    for (const char* count : {"0", "-1", "2x", "99999999999", " 2"}) {
        const ScopedEnvironment environment("BACKGRAD_NUM_THREADS", count);
        EXPECT_EQ(blamed({}), "BACKGRAD_NUM_THREADS") << count;
    }
    for (const char* schedule : {"dynamic:", "dynamic:0", "dynamic:x", "dynamic:2,", "affinity"}) {
        const ScopedEnvironment environment("BACKGRAD_SCHEDULE", schedule);
        EXPECT_EQ(blamed({.backend = Backend::std_threads}), "BACKGRAD_SCHEDULE") << schedule;
    }
}

TEST_F(ResolveTest, BackEndsWithoutSchedulesIgnoreTheEnvironment) {
    const ScopedEnvironment schedule("BACKGRAD_SCHEDULE", "dynamic:4");
    const ScopedEnvironment threads("BACKGRAD_NUM_THREADS", "7");
    const Strategy strategy = threads::resolve({.backend = Backend::serial});
    EXPECT_EQ(strategy.schedule, Schedule::static_);
    EXPECT_EQ(strategy.chunk, 0);
    EXPECT_EQ(strategy.threads, 1);
}

TEST_F(ResolveTest, RejectsCombinationsThatMakeNoSense) {
    EXPECT_EQ(blamed({.threads = -1}), "strategy.threads");
    EXPECT_EQ(blamed({.threads = 1 << 30}), "strategy.threads");
    EXPECT_EQ(blamed({.chunk = -1}), "strategy.chunk");
    EXPECT_EQ(blamed({.backend = Backend::serial, .threads = 2}), "strategy.threads");
    EXPECT_EQ(blamed({.backend = Backend::serial, .schedule = Schedule::dynamic}), "strategy.schedule");
    EXPECT_EQ(blamed({.backend = Backend::std_threads, .schedule = Schedule::guided}), "strategy.schedule");
    EXPECT_EQ(blamed({.backend = Backend::std_threads, .schedule = Schedule::static_, .chunk = 2}),
              "strategy.schedule");
    EXPECT_EQ(blamed({.backend = Backend::caller}), "strategy.executor");
#ifdef BACKGRAD_HAS_OPENMP
    EXPECT_EQ(blamed({.backend = Backend::openmp, .schedule = Schedule::tbb_affinity}), "strategy.schedule");
#else
    EXPECT_EQ(blamed({.backend = Backend::openmp}), "strategy.backend");
#endif
#ifdef BACKGRAD_HAS_TBB
    EXPECT_EQ(blamed({.backend = Backend::tbb, .schedule = Schedule::guided}), "strategy.schedule");
#else
    EXPECT_EQ(blamed({.backend = Backend::tbb}), "strategy.backend");
#endif
}

TEST_F(ResolveTest, AnExecutorOfTheCallerSaysHowManyWorkersThereAre) {
    CallbackExecutor executor([](void*, std::int64_t, CallbackExecutor::Body, void*) {}, nullptr, 3);
    const Strategy strategy = threads::resolve({.executor = &executor});
    EXPECT_EQ(strategy.backend, Backend::caller);
    EXPECT_EQ(strategy.threads, 3);
    EXPECT_EQ(threads::make_executor(strategy).get(), &executor);
    EXPECT_EQ(blamed({.threads = 2, .executor = &executor}), "strategy.threads");
    EXPECT_EQ(blamed({.schedule = Schedule::static_, .executor = &executor}), "strategy.schedule");
    EXPECT_EQ(blamed({.backend = Backend::serial, .executor = &executor}), "strategy.executor");
}

TEST_F(ResolveTest, TellsAPlanOnlyWhenAsked) {
    const Strategy strategy = threads::resolve({.backend = Backend::std_threads, .threads = 2});
    {
        const ScopedEnvironment quiet("BACKGRAD_VERBOSE", "0");
        testing::internal::CaptureStderr();
        threads::report_plan("an_operation", strategy);
        EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    }
    const ScopedEnvironment verbose("BACKGRAD_VERBOSE", "1");
    testing::internal::CaptureStderr();
    threads::report_plan("an_operation", strategy);
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              "backgrad: an_operation backend=std threads=2 partition=auto schedule=static reduction=auto isa=auto\n");
}

}  // namespace
}  // namespace backgrad::test
