#include "thread_warnings.hpp"

#include <gtest/gtest.h>

namespace backgrad::bench {
namespace {

using Warnings = std::vector<std::string>;

constexpr Topology two_sockets{.sockets = 2, .cores = 16, .hardware_threads = 32, .numa_nodes = 2, .core_kinds = 1};

TEST(ThreadWarnings, NoneWhereEveryThreadHasACore) { EXPECT_EQ(thread_warnings(16, 32, 32, two_sockets), Warnings{}); }

TEST(ThreadWarnings, NameTheQuotaWhereItIsTheLimit) {
    EXPECT_EQ(thread_warnings(4, 4, 32, two_sockets), Warnings{});
    EXPECT_EQ(thread_warnings(5, 4, 32, two_sockets),
              Warnings{"5 threads on 4 usable CPUs of the control group's quota take turns instead of scaling"});
    EXPECT_EQ(thread_warnings(33, 32, 32, two_sockets),
              Warnings{"33 threads on 32 usable CPUs take turns instead of scaling"});
}

TEST(ThreadWarnings, NameSharedAndUnequalCores) {
    EXPECT_EQ(thread_warnings(17, 32, 32, two_sockets), Warnings{"17 threads on 16 cores share them in pairs (SMT)"});
    Topology unequal = two_sockets;
    unequal.core_kinds = 2;
    EXPECT_EQ(thread_warnings(2, 32, 32, unequal),
              Warnings{"cores of several kinds: equal shares end at different times"});
}

}  // namespace
}  // namespace backgrad::bench
