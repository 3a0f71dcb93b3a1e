// Merged task lists: every task once and in order, no list ahead of the others, and equal parts for every worker.
#include "plan/task_order.hpp"

#include "plan/properties.hpp"

#include <backgrad/executor.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace backgrad::plan {
namespace {

void check(std::int64_t a, std::int64_t b, std::int64_t c) {
    const std::vector<std::int64_t> length{a, b, c};
    const std::vector<OrderedTask> order = interleave(length, 1);
    ASSERT_EQ(static_cast<std::int64_t>(order.size()), a + b + c);
    std::vector<std::int64_t> done(3, 0);
    for (std::size_t t = 0; t < order.size(); ++t) {
        const std::size_t list = static_cast<std::size_t>(order[t].list);
        ASSERT_LT(list, length.size());
        EXPECT_EQ(order[t].task, done[list]++);
        const double fraction = static_cast<double>(t + 1) / static_cast<double>(order.size());
        for (std::size_t l = 0; l < length.size(); ++l)
            EXPECT_NEAR(static_cast<double>(done[l]), fraction * static_cast<double>(length[l]), 1.51);
    }
    EXPECT_EQ(done, length);
}

TEST(TaskOrder, MergesListsEvenly) {
    check(0, 0, 0);
    check(5, 0, 0);
    check(0, 7, 1);
    check(3, 3, 3);
    check(56, 128, 0);
    check(1, 1000, 17);
}

TEST(TaskOrder, GoesBlockByBlockOnlyWhereUnequalGroupsWouldLeaveAWorkerMore) {
    using Tasks = std::vector<std::int64_t>;
    EXPECT_EQ(even_order({4, 3}, 4, 2), (Tasks{0, 4, 1, 5, 2, 6, 3, 7})) << "14 each, and not 16 and 12";
    EXPECT_EQ(even_order({4, 4}, 2, 2), (Tasks{0, 1, 2, 3}));
    EXPECT_EQ(even_order({4, 3}, 3, 1), (Tasks{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(even_order({4, 3}, 1, 2), (Tasks{0, 1}));
    EXPECT_EQ(even_order({}, 3, 2), Tasks{});
}

TEST(TaskOrder, GivesEveryWorkerItsPartOfEveryList) {
    EXPECT_TRUE(rc::check([] {
        const std::vector<std::int64_t> length{test::any(0, 200), test::any(0, 20), test::any(0, 200)};
        const int workers = static_cast<int>(test::any(1, 70));
        const std::vector<OrderedTask> order = interleave(length, workers);
        std::vector<std::int64_t> done(length.size(), 0);
        for (int worker = 0; worker < workers; ++worker) {
            const TaskRange share = static_share(static_cast<std::int64_t>(order.size()), worker, workers);
            std::vector<std::int64_t> mine(length.size(), 0);
            for (std::int64_t t = share.begin; t < share.end; ++t) {
                const OrderedTask& next = order[static_cast<std::size_t>(t)];
                const std::size_t list = static_cast<std::size_t>(next.list);
                RC_ASSERT(next.task == done[list]++);
                ++mine[list];
            }
            for (std::size_t list = 0; list < length.size(); ++list)
                RC_ASSERT(std::abs(mine[list] * workers - length[list]) <= workers);
        }
        RC_ASSERT(done == length);
    }));
}

}  // namespace
}  // namespace backgrad::plan
