#include "ops/tree_join.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace backgrad::ops {
namespace {

/// The sum of groups as the tree adds them, written out with its brackets.
std::string tree(std::int64_t groups) {
    std::vector<std::string> sums;
    for (std::int64_t g = 0; g < groups; ++g) sums.push_back(std::to_string(g));
    for (std::int64_t distance = 1; distance < groups; distance *= 2)
        for (std::int64_t g = 0; g + distance < groups; g += 2 * distance)
            sums[static_cast<std::size_t>(g)] =
                "(" + sums[static_cast<std::size_t>(g)] + "+" + sums[static_cast<std::size_t>(g + distance)] + ")";
    return sums[0];
}

TEST(JoinFinished, AddsInTheSameOrderWhoeverComesFirst) {
    std::mt19937 random(1);
    for (std::int64_t groups = 1; groups <= 70; ++groups) {
        std::vector<std::int64_t> order(static_cast<std::size_t>(groups));
        std::iota(order.begin(), order.end(), 0);
        for (int round = 0; round < 20; ++round) {
            std::vector<std::int32_t> counts(order.size(), 99);
            const Arrivals arrivals(counts.data(), groups);
            std::vector<std::string> sums(order.size());
            std::shuffle(order.begin(), order.end(), random);
            for (std::size_t i = 0; i < order.size(); ++i) {
                sums[static_cast<std::size_t>(order[i])] = std::to_string(order[i]);
                const bool complete = join_finished(
                    arrivals, groups, order[i], [](std::int64_t right) { return right; },
                    [&](std::int64_t left, std::int64_t right) {
                        std::string& sum = sums[static_cast<std::size_t>(left)];
                        sum = "(" + sum + "+" + sums[static_cast<std::size_t>(right)] + ")";
                    });
                ASSERT_EQ(complete, i + 1 == order.size()) << groups << " groups, arrival " << i;
            }
            ASSERT_EQ(sums[0], tree(groups)) << groups << " groups";
        }
    }
}

TEST(Arrivals, TellsTheLastWhoeverItIsAndStartsAnew) {
    std::vector<std::int32_t> counts(3, 99);
    const Arrivals arrivals(counts.data(), 3);
    std::vector<std::int64_t> parts{5, 1, 1, 7};
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < parts.size(); ++i)
            EXPECT_EQ(arrivals.completes(1, parts[i], 14), i + 1 == parts.size()) << "round " << round;
        EXPECT_EQ(counts, std::vector<std::int32_t>(3, 0));
        std::rotate(parts.begin(), parts.begin() + 1, parts.end());
    }
}

TEST(JoinFinished, SumsWhatSeveralThreadsFinishAtOnce) {
    constexpr std::int64_t groups = 37, rounds = 500;
    constexpr int threads = 4;
    std::vector<std::int32_t> counts(groups * rounds);
    const Arrivals arrivals(counts.data(), groups * rounds);
    std::vector<std::int64_t> sums(groups * rounds), totals(rounds);
    std::atomic<std::int64_t> next{0};
    const auto work = [&] {
        for (std::int64_t i = next++; i < groups * rounds; i = next++) {
            const std::int64_t first = i / groups * groups;
            sums[static_cast<std::size_t>(i)] = i;
            const bool complete = join_finished(
                arrivals, groups, i - first, [&](std::int64_t right) { return first + right; },
                [&](std::int64_t left, std::int64_t right) {
                    sums[static_cast<std::size_t>(first + left)] += sums[static_cast<std::size_t>(first + right)];
                });
            if (complete) totals[static_cast<std::size_t>(first / groups)] = sums[static_cast<std::size_t>(first)];
        }
    };
    std::vector<std::thread> team;
    for (int t = 0; t < threads; ++t) team.emplace_back(work);
    for (std::thread& thread : team) thread.join();
    for (std::int64_t round = 0; round < rounds; ++round)
        EXPECT_EQ(totals[static_cast<std::size_t>(round)], groups * (2 * round * groups + groups - 1) / 2);
}

}  // namespace
}  // namespace backgrad::ops
