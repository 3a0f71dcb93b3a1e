#include "plan/launch.hpp"

#include <gtest/gtest.h>

namespace backgrad::plan {
namespace {

TEST(WorthLaunching, OneThreadLaunchesNobody) { EXPECT_FALSE(worth_launching(1e12, 1)); }

TEST(WorthLaunching, AskForMoreWorkWhereMoreIsLost) {
    const double enough = 2 * launch_cycles + 1;
    EXPECT_TRUE(worth_launching(enough, 2));
    EXPECT_FALSE(worth_launching(enough - 2, 2));
    EXPECT_FALSE(worth_launching(enough, 2, exchange_cycles));
    EXPECT_TRUE(worth_launching(enough + 2 * exchange_cycles, 2, exchange_cycles));
}

TEST(WorthLaunching, LargerTeamsAskForMoreWork) {
    const double cycles = 3 * launch_cycles;
    EXPECT_TRUE(worth_launching(cycles, 2));
    EXPECT_FALSE(worth_launching(cycles, 64));
}

}  // namespace
}  // namespace backgrad::plan
