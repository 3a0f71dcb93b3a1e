#include "predict/simulation.hpp"

#include "predict/machine.hpp"
#include "predict/recorder.hpp"

#include <gtest/gtest.h>

namespace backgrad::bench {
namespace {

TEST(Simulation, SharesAreConsecutiveTasksInEqualNumbers) {
    // 5 tasks on 2 workers: three and two.
    EXPECT_DOUBLE_EQ(largest_share({1, 1, 1, 4, 4}, 2, Handout::shares), 8);
    EXPECT_DOUBLE_EQ(largest_share({4, 4, 1, 1, 1}, 2, Handout::shares), 9);
}

TEST(Simulation, OnDemandTheNextTaskGoesToWhoeverIsFreeFirst) {
    EXPECT_DOUBLE_EQ(largest_share({4, 1, 1, 1, 1}, 2, Handout::on_demand), 4);
    EXPECT_DOUBLE_EQ(largest_share({1, 1, 1, 1, 4}, 2, Handout::on_demand), 6);
}

TEST(Simulation, MoreWorkersThanTasksLeaveTheLongestTask) {
    for (const Handout handout : {Handout::shares, Handout::on_demand}) {
        EXPECT_DOUBLE_EQ(largest_share({2, 3}, 64, handout), 3);
    }
}

TEST(Simulation, PhasesFollowEachOtherAndEachIsLaunched) {
    const Simulation result = simulate({{{1, 1}, 0}, {{2, 2}, 0}}, 2, Handout::shares, 0.25);
    EXPECT_DOUBLE_EQ(result.seconds, 1 + 2 + 2 * 0.25);
    EXPECT_DOUBLE_EQ(result.balance, 1);
}

TEST(Simulation, ASingleTaskOrWorkerLaunchesNobody) {
    EXPECT_DOUBLE_EQ(simulate({{{3}, 0}}, 8, Handout::shares, 0.25).seconds, 3);
    EXPECT_DOUBLE_EQ(simulate({{{3, 1}, 0}}, 1, Handout::shares, 0.25).seconds, 4);
}

TEST(Simulation, BalanceIsMeanShareOverLargest) {
    EXPECT_DOUBLE_EQ(simulate({{{3, 1}, 0}}, 2, Handout::shares, 0).balance, 2.0 / 3.0);
    EXPECT_DOUBLE_EQ(simulate({{{1}, 0}}, 4, Handout::shares, 0).balance, 0.25);
}

TEST(Simulation, MemoryBoundsAPhase) {
    const Simulation result = simulate({{{1, 1}, 5}, {{1, 1}, 0.5}}, 2, Handout::shares, 0);
    EXPECT_DOUBLE_EQ(result.seconds, 5 + 1);
    EXPECT_DOUBLE_EQ(result.balance, 1);
}

TEST(VirtualMachine, SocketsFillOneAfterTheOther) {
    const Machine machine{64, 100, 200, 2};
    EXPECT_DOUBLE_EQ(machine.bandwidth(1), 200e9);
    EXPECT_DOUBLE_EQ(machine.bandwidth(32), 200e9);
    EXPECT_DOUBLE_EQ(machine.bandwidth(33), 400e9);
    EXPECT_DOUBLE_EQ(machine.bandwidth(256), 400e9);
}

TEST(VirtualMachine, WorkersBeyondTheCoresShareThem) {
    const Machine machine{64, 100, 200, 2};
    EXPECT_DOUBLE_EQ(machine.core_share(64), 1);
    EXPECT_DOUBLE_EQ(machine.core_share(256), 0.25);
}

TEST(VirtualMachine, LaunchesCostMoreWithMoreWorkers) {
    EXPECT_DOUBLE_EQ(launch_seconds(1), 0);
    EXPECT_LT(launch_seconds(2), launch_seconds(64));
}

struct Calls {
    int count = 0;
    TaskBody body() {
        return {[](void* self, std::int64_t, int worker) noexcept {
                    EXPECT_EQ(worker, 0);
                    ++static_cast<Calls*>(self)->count;
                },
                this};
    }
};

TEST(Recorder, TimesEveryTaskOfEveryPhaseThatHasAny) {
    Recorder recorder(64, Recorder::Tasks::timed);
    Calls calls;
    EXPECT_EQ(recorder.workers(), 64);
    recorder.run(3, calls.body());
    recorder.run(0, calls.body());
    recorder.run(2, calls.body());
    EXPECT_EQ(calls.count, 5);
    const auto phases = recorder.take();
    ASSERT_EQ(phases.size(), 2u);
    EXPECT_EQ(phases[0].size(), 3u);
    EXPECT_EQ(phases[1].size(), 2u);
    EXPECT_TRUE(recorder.take().empty());
}

TEST(Recorder, CountsTasksWithoutRunningThem) {
    Recorder recorder(2, Recorder::Tasks::counted);
    Calls calls;
    recorder.run(7, calls.body());
    EXPECT_EQ(calls.count, 0);
    EXPECT_EQ(recorder.take().at(0).size(), 7u);
}

}  // namespace
}  // namespace backgrad::bench
