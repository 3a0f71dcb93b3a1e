// How executors behave in a host that has threads of its own, grants fewer than asked for, or forks.
#include "configurations.hpp"
#include "environment.hpp"
#include "observed_run.hpp"
#include "threads/machine.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

namespace backgrad::test {
namespace {

bool runs_well(const Strategy& asked) {
    const std::shared_ptr<Executor> executor = threads::make_executor(threads::resolve(asked));
    ObservedRun observed(97, executor->workers());
    observe(*executor, 97, observed);
    return observed.every_task_ran_once() && observed.violations() == 0;
}

/// Runs tests of this program once more under other settings, since OpenMP reads its environment only at start.
int run_again(const std::string& settings, const std::string& filter) {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
    return std::system(
        ("env " + settings + " '" + program + "' --gtest_brief=1 --gtest_filter='" + filter + "'").c_str());
}

/// Ends a forked child as a program ends, with the destructors of its runtimes: they must not hang either. Not under
/// AddressSanitizer, whose leak check at exit misjudges a forked child.
[[noreturn]] void end_child(bool success) {
#ifdef __SANITIZE_ADDRESS__
    _exit(success ? 0 : 1);
#else
    std::exit(success ? 0 : 1);
#endif
}

/// How a forked child ends that calls `work` and exits as a program does; one that hangs ends by a signal after a
/// minute.
enum class ChildEnd { succeeded, failed, hung, crashed };

template <class Work>
ChildEnd child_end(Work work) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        end_child(work());
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) return WEXITSTATUS(status) == 0 ? ChildEnd::succeeded : ChildEnd::failed;
    return WTERMSIG(status) == SIGALRM ? ChildEnd::hung : ChildEnd::crashed;
}

class HostTest : public testing::TestWithParam<Strategy> {};

TEST_P(HostTest, ForkedChildRunsOnAnExecutorOfItsParent) {
    const Strategy strategy = threads::resolve(GetParam());
    const std::shared_ptr<Executor> executor = threads::make_executor(strategy);
    const auto run = [&] {
        ObservedRun observed(97, executor->workers());
        observe(*executor, 97, observed);
        return observed.every_task_ran_once() && observed.violations() == 0;
    };
    ASSERT_TRUE(run());
    EXPECT_EQ(child_end(run), ChildEnd::succeeded);
    EXPECT_TRUE(run());
}

TEST_P(HostTest, ForkedChildMakesAnExecutorOfItsOwn) {
    ASSERT_TRUE(runs_well(GetParam()));
    EXPECT_EQ(child_end([] { return runs_well(GetParam()); }), ChildEnd::succeeded);
}

INSTANTIATE_TEST_SUITE_P(All, HostTest, testing::ValuesIn(thread_configurations()),
                         [](const auto& info) { return configuration_name(info.param); });

#ifdef BACKGRAD_HAS_OPENMP

TEST(OpenmpHost, InsideItsRegionOneThreadIsTheDefault) {
    const ScopedEnvironment asked_for_the_process("BACKGRAD_NUM_THREADS", "4");
    int resolved[3] = {};
#pragma omp parallel num_threads(3)
    {
#pragma omp for
        for (int host = 0; host < 3; ++host) resolved[host] = threads::resolve({}).threads;
    }
    for (const int threads : resolved) EXPECT_EQ(threads, 1);
    EXPECT_EQ(threads::resolve({}).threads, 4);
}

TEST(OpenmpHost, EveryExecutorRunsInsideItsRegion) {
    for (const Strategy& strategy : thread_configurations()) {
        int failures = 0;
#pragma omp parallel for num_threads(3) reduction(+ : failures)
        for (int host = 0; host < 6; ++host) failures += runs_well(strategy) ? 0 : 1;
        EXPECT_EQ(failures, 0) << configuration_name(strategy);
    }
}

TEST(OpenmpHost, TasksRunOnNoMoreThreadsThanTheLimit) {
    const char* const limit = std::getenv("OMP_THREAD_LIMIT");
    const std::shared_ptr<Executor> executor =
        threads::make_executor(threads::resolve({.backend = Backend::openmp, .threads = 5}));
    ObservedRun observed(500, executor->workers());
    observe(*executor, 500, observed);
    EXPECT_TRUE(observed.every_task_ran_once());
    const std::set<std::thread::id> threads(observed.threads.begin(), observed.threads.end());
    EXPECT_LE(threads.size(), limit == nullptr ? 5U : static_cast<unsigned>(std::atoi(limit)));
}

TEST(OpenmpHost, FewerThreadsThanAskedForAreEnough) {
    const std::string filter = "*ExecutorTest.*openmp*:OpenmpHost.TasksRun*";
    EXPECT_EQ(run_again("OMP_THREAD_LIMIT=1", filter), 0);
    EXPECT_EQ(run_again("OMP_THREAD_LIMIT=2", filter), 0);
    EXPECT_EQ(run_again("OMP_DYNAMIC=true", filter), 0);
    EXPECT_EQ(run_again("OMP_MAX_ACTIVE_LEVELS=3", "OpenmpHost.EveryExecutor*"), 0);
}

/// Clears what would set the thread count, so that the machine does.
struct MachineDecides {
    ScopedEnvironment backgrad_threads{"BACKGRAD_NUM_THREADS", nullptr};
    ScopedEnvironment openmp_threads{"OMP_NUM_THREADS", nullptr};
};

TEST(OpenmpHost, APinnedFirstThreadDoesNotHideTheMachine) {
    const MachineDecides machine_decides;
    const int processors = threads::resolve({}).threads;
    const ScopedEnvironment expected("BACKGRAD_TEST_PROCESSORS", std::to_string(processors).c_str());
    EXPECT_EQ(run_again("OMP_PROC_BIND=true", "OpenmpHost.SeesAsManyProcessorsAsExpected"), 0);
}

TEST(OpenmpHost, SeesAsManyProcessorsAsExpected) {
    const MachineDecides machine_decides;
    const char* const expected = std::getenv("BACKGRAD_TEST_PROCESSORS");
    const int processors = expected == nullptr ? threads::available_processors() : std::atoi(expected);
    EXPECT_EQ(threads::resolve({}).threads, processors);
}

#endif

}  // namespace
}  // namespace backgrad::test
