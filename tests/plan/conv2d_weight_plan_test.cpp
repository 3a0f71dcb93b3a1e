#include "plan/conv2d_weight_plan.hpp"

#include "plan/properties.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace backgrad::plan {
namespace {

using test::any;
using test::any_shape;

/// Register tiles as a 16-lane and an 8-lane ISA might have them.
const RegisterTiles wide_tiles{16, {0, 28, 14, 9, 6, 0, 0, 0, 0}, {0, 8, 8, 6, 6, 4, 0, 0, 0}};
const RegisterTiles narrow_tiles{8, {0, 14, 6, 4, 0, 0, 0, 0, 0}, {0, 6, 4, 2, 2, 0, 0, 0, 0}};

Strategy any_strategy() {
    return {.threads = static_cast<int>(any(1, 64)),
            .partition = *rc::gen::element(Partition::automatic, Partition::batch, Partition::channel,
                                           Partition::batch_channel, Partition::spatial),
            .reduction = *rc::gen::element(Reduction::automatic, Reduction::owner, Reduction::partials)};
}

Conv2dBackwardOptions any_layout() { return {.layout = *rc::gen::element(Layout::nchw, Layout::nhwc)}; }

/// True if part(0), part(1), ... lie end to end and fill [0, size).
template <class Part>
bool fill(std::int64_t size, std::int64_t parts, const Part& part) {
    std::int64_t position = 0;
    for (std::int64_t p = 0; p < parts; ++p) {
        const Range range = part(p);
        if (range.begin != position || range.end < range.begin) return false;
        position = range.end;
    }
    return position == size;
}

TEST(Conv2dWeightPlan, GivesEveryWeightAndSegmentToOneTask) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem problem = make_problem(any_shape(), any_layout());
        const RegisterTiles tiles = *rc::gen::element(wide_tiles, narrow_tiles);
        const Conv2dWeightPlan plan = plan_weight(problem, tiles, *rc::gen::element(4, 8), any_strategy());
        RC_ASSERT(fill(plan.segments.count, plan.segment_groups, [&](auto g) { return plan.segment_group(g); }));
        RC_ASSERT(fill(plan.row_channels, plan.row_blocks, [&](auto b) { return plan.row_block(b); }));
        if (plan.family == LaneFamily::channels)
            RC_ASSERT(fill(plan.lane_channels, plan.lane_blocks, [&](auto b) { return plan.lane_block(b); }));
        RC_ASSERT(plan.tasks == problem.groups * plan.segment_groups * plan.lane_blocks * plan.row_blocks);
        RC_ASSERT(plan.lane_channels * plan.row_channels == problem.in_channels * problem.out_channels);
    }));
}

TEST(Conv2dWeightPlan, HasBlocksNoLargerThanItSays) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem problem = make_problem(any_shape(), any_layout());
        const Conv2dWeightPlan plan = plan_weight(problem, wide_tiles, 4, any_strategy());
        for (std::int64_t b = 0; b < plan.row_blocks; ++b) RC_ASSERT(plan.row_block(b).size() <= plan.rows_per_block);
        if (plan.family == LaneFamily::channels)
            for (std::int64_t b = 0; b < plan.lane_blocks; ++b)
                RC_ASSERT(plan.lane_block(b).size() <= plan.block_tiles.size);
    }));
}

TEST(Conv2dWeightPlan, KeepsTheOrderOfAdditionsWhateverTheMachine) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem problem = make_problem(any_shape(), any_layout());
        const std::size_t bytes = *rc::gen::element(4, 8);
        const Conv2dWeightPlan one = plan_weight(problem, wide_tiles, bytes, {.threads = 1});
        const Conv2dWeightPlan other =
            plan_weight(problem, narrow_tiles, bytes, {.threads = static_cast<int>(any(2, 128))});
        RC_ASSERT(one.family == other.family);
        RC_ASSERT(one.segment_groups == other.segment_groups);
        RC_ASSERT(one.segments.count == other.segments.count);
        RC_ASSERT(one.segments.largest() == other.segments.largest());
    }));
}

TEST(Conv2dWeightPlan, BoundsThePartialSums) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem problem = make_problem(any_shape(), any_layout());
        const std::size_t bytes = *rc::gen::element(4, 8);
        const Conv2dWeightPlan plan = plan_weight(problem, wide_tiles, bytes, {.threads = 4});
        RC_ASSERT(plan.segment_groups >= 1);
        RC_ASSERT(plan.segment_groups <= 64);
        RC_ASSERT(plan.segment_groups == 1 || plan.segment_groups <= plan.segments.count);
        if (plan.partials())
            RC_ASSERT(plan.segment_groups * problem.weight_elements() * static_cast<std::int64_t>(bytes) <=
                      8 * 1024 * 1024);
        else RC_ASSERT(plan.shared_elements == 0);
    }));
}

TEST(Conv2dWeightPlan, ObeysANamedReduction) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem problem = make_problem(any_shape(), any_layout());
        Strategy strategy{.threads = static_cast<int>(any(1, 64)), .reduction = Reduction::owner};
        RC_ASSERT(!plan_weight(problem, wide_tiles, 4, strategy).partials());
        strategy.reduction = Reduction::partials;
        const Conv2dWeightPlan plan = plan_weight(problem, wide_tiles, 4, strategy);
        RC_ASSERT(plan.partials() || plan.segments.count < 2);
    }));
}

}  // namespace
}  // namespace backgrad::plan
