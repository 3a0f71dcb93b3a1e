#include "plan/conv2d_weight_plan.hpp"

#include "plan/conv2d_plan.hpp"
#include "plan/conv2d_weight_family.hpp"

#include "plan/properties.hpp"
#include "support/square_layer.hpp"

#include <backgrad/names.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace backgrad::plan {
namespace {

using test::any;
using test::any_layout;
using test::any_shape;
using test::any_strategy;
using test::fill;

TEST(Conv2dWeightPlan, GivesEveryWeightAndSegmentToOneTask) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem problem = make_problem(any_shape(), any_layout());
        const RegisterTiles tiles = *rc::gen::element(test::wide_tiles, test::narrow_tiles);
        const Conv2dWeightPlan plan = plan_weight(problem, tiles, *rc::gen::element(4, 8), any_strategy());
        RC_ASSERT(fill(plan.segments.count, plan.segment_groups, [&](auto g) { return plan.segment_group(g); }));
        RC_ASSERT(fill(plan.row_channels, plan.row_blocks, [&](auto b) { return plan.row_block(b); }));
        if (plan.family != LaneFamily::pixels)
            RC_ASSERT(fill(plan.lane_channels, plan.lane_blocks, [&](auto b) { return plan.lane_block(b); }));
        RC_ASSERT(plan.tasks == problem.groups * plan.segment_groups * plan.lane_blocks * plan.row_blocks);
        RC_ASSERT(plan.lane_channels * plan.row_channels * plan.problem.taps() ==
                  problem.in_channels * problem.out_channels * problem.taps());
    }));
}

TEST(Conv2dWeightPlan, HasBlocksNoLargerThanItSays) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem problem = make_problem(any_shape(), any_layout());
        const Conv2dWeightPlan plan = plan_weight(problem, test::wide_tiles, 4, any_strategy());
        for (std::int64_t b = 0; b < plan.row_blocks; ++b) RC_ASSERT(plan.row_block(b).size() <= plan.rows_per_block);
        if (plan.family != LaneFamily::pixels)
            for (std::int64_t b = 0; b < plan.lane_blocks; ++b)
                RC_ASSERT(plan.lane_block(b).size() <= plan.block_tiles.size);
    }));
}

/// True if every tile of every lane block has a number of vectors that register tiles exist for.
bool tiles_exist(const Conv2dWeightPlan& plan) {
    for (std::int64_t b = 0; b < plan.lane_blocks; ++b) {
        LaneTiles block = plan.block_tiles;
        block.size = plan.lane_block(b).size();
        for (std::int64_t t = 0; t < block.count(); ++t)
            if (block.vectors_of(t) < 1 || block.vectors_of(t) > 8) return false;
    }
    return true;
}

/// The tile sizes suit the largest block; a smaller block may end in another number of vectors.
TEST(Conv2dWeightPlan, HasARegisterTileForEveryTile) {
    for (const RegisterTiles& tiles : {test::wide_tiles, test::narrow_tiles})
        for (const Layout layout : {Layout::nchw, Layout::nhwc})
            for (const std::int64_t others : {1, 2, 20, 300})
                for (int threads = 1; threads <= 8; ++threads)
                    for (std::int64_t channels = 1; channels <= 400; ++channels) {
                        const Conv2dShape shape{.batch = 3,
                                                .in_channels = others,
                                                .in_height = 20,
                                                .in_width = 30,
                                                .out_channels = channels};
                        const Conv2dProblem problem = make_problem(shape, {.layout = layout});
                        const Conv2dWeightPlan plan = plan_weight(problem, tiles, 4, {.threads = threads});
                        ASSERT_TRUE(plan.family == LaneFamily::pixels || tiles_exist(plan))
                            << channels << " and " << others << " channels, " << threads << " threads, " << tiles.lanes
                            << " lanes, " << name(layout);
                    }
}

TEST(Conv2dWeightPlan, KeepsTheOrderOfAdditionsWhateverTheMachine) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem problem = make_problem(any_shape(), any_layout());
        const std::size_t bytes = *rc::gen::element(4, 8);
        const Conv2dWeightPlan one = plan_weight(problem, test::wide_tiles, bytes, {.threads = 1});
        const Conv2dWeightPlan other =
            plan_weight(problem, test::narrow_tiles, bytes, {.threads = static_cast<int>(any(2, 128))});
        RC_ASSERT(one.family == other.family);
        RC_ASSERT(one.segment_groups == other.segment_groups);
        RC_ASSERT(one.segments.count == other.segments.count);
        RC_ASSERT(one.segments.largest() == other.segments.largest());
    }));
}

TEST(Conv2dWeightPlan, TakesWholeKernelRowsOfFewChannelsThatLieTogether) {
    const auto family = [](std::int64_t in_channels, std::int64_t dilation) {
        const Conv2dShape shape{.batch = 4,
                                .in_channels = in_channels,
                                .in_height = 40,
                                .in_width = 40,
                                .out_channels = 32,
                                .kernel_height = 5,
                                .kernel_width = 5,
                                .dilation_height = dilation,
                                .dilation_width = dilation};
        return plan_weight(make_problem(shape, {.layout = Layout::nhwc}), test::wide_tiles, 4, {.threads = 1});
    };
    const Conv2dWeightPlan plan = family(3, 1);
    ASSERT_EQ(plan.family, LaneFamily::kernel_rows);
    EXPECT_EQ(plan.row_channels, 15);
    EXPECT_EQ(plan.lane_channels, 32);
    EXPECT_EQ(plan.problem.taps(), 5);
    EXPECT_NE(family(3, 2).family, LaneFamily::kernel_rows);
    EXPECT_EQ(family(64, 1).family, LaneFamily::kernel_rows) << "fewer runs than by taps";
    const Conv2dProblem wide = make_problem(test::square_layer(4, 256, 14, 256, 3), {.layout = Layout::nhwc});
    EXPECT_EQ(weight_family(wide, 4), LaneFamily::channels);
}

TEST(Conv2dWeightPlan, TakesTheInputsOfKernelRowsAsLanesWhereTheyFillMoreVectors) {
    const auto side = [](std::int64_t in_channels, std::int64_t out_channels) {
        return kernel_row_side(make_problem(test::square_layer(4, in_channels, 32, out_channels, 3), {}), 16);
    };
    EXPECT_EQ(side(16, 16), LaneSide::input) << "three vectors beside 16 rows, not one beside 48";
    EXPECT_EQ(side(3, 32), LaneSide::grad_output) << "two vectors, not nine lanes of one";
    const Conv2dProblem problem = make_problem(test::square_layer(4, 16, 32, 16, 3), {});
    const Conv2dWeightPlan plan = plan_weight(problem, test::wide_tiles, 4, {.threads = 1});
    ASSERT_EQ(plan.family, LaneFamily::kernel_rows);
    ASSERT_EQ(plan.side, LaneSide::input);
    EXPECT_EQ(plan.lane_channels, 48);
    EXPECT_EQ(plan.row_channels, 16);
    EXPECT_EQ(plan.problem.taps(), 3);
    EXPECT_EQ(plan.lane_panel_elements(0), plan.kernel_row_elements + 16) << "the last pixel is read by whole vectors";
    EXPECT_EQ(plan.row_panel_elements(10), 160);
}

TEST(Conv2dWeightPlan, KeepsTheInputsOfLargeWindowsInACache) {
    const Conv2dShape shape = test::patch_layer(16, 3, 224, 768, 32);
    for (const Layout layout : {Layout::nchw, Layout::nhwc})
        for (const RegisterTiles& tiles : {test::wide_tiles, test::narrow_tiles}) {
            const Conv2dWeightPlan plan =
                plan_weight(make_problem(shape, {.layout = layout}), tiles, 4, {.threads = 1});
            EXPECT_LE(plan.worker_elements, 1024 * 1024) << "4 MiB";
            EXPECT_LE(plan.lane_blocks * plan.row_blocks, 32) << "each brings the inputs anew";
        }
}

TEST(Conv2dWeightPlan, ExchangesTheOperandsOfOneOutputChannel) {
    const Conv2dShape shape{.batch = 2,
                            .in_channels = 32,
                            .in_height = 64,
                            .in_width = 64,
                            .out_channels = 1,
                            .kernel_height = 5,
                            .kernel_width = 5,
                            .padding_top = 2,
                            .padding_bottom = 2,
                            .padding_left = 1,
                            .padding_right = 3};
    const Conv2dProblem problem = make_problem(shape, {});
    const Conv2dWeightPlan plan = plan_weight(problem, test::wide_tiles, 4, {.threads = 1});
    ASSERT_TRUE(plan.exchanged);
    EXPECT_EQ(plan.row_channels, 32);
    EXPECT_EQ(plan.problem.in_channels, 1);
    EXPECT_EQ(plan.problem.padding_left, 3);
    EXPECT_FALSE(plan.has_bias(0, 0));
    const Conv2dPlan whole =
        plan_conv2d(problem, {true, true, true}, {.dense = test::wide_tiles, .depthwise = {}}, 4, {.threads = 1});
    EXPECT_TRUE(whole.bias.has_value());
}

TEST(Conv2dWeightPlan, ExchangesOnlyWhereEachOutputMeetsEveryPixel) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem problem = make_problem(any_shape(), any_layout());
        const Conv2dWeightPlan plan = plan_weight(problem, test::wide_tiles, 4, {.threads = 1});
        RC_ASSERT(weight_problem(problem, 4).in_channels ==
                  (plan.exchanged ? problem.out_channels : problem.in_channels));
        if (!plan.exchanged) return;
        RC_ASSERT(plan.family == LaneFamily::pixels);
        RC_ASSERT(!problem.strided());
        const Conv2dProblem back = exchanged(plan.problem);
        RC_ASSERT(back.in_channels == problem.in_channels && back.out_channels == problem.out_channels);
        RC_ASSERT(back.padding_top == problem.padding_top && back.padding_left == problem.padding_left);
        RC_ASSERT(back.out_height == problem.out_height && back.out_width == problem.out_width);
    }));
}

TEST(Conv2dWeightPlan, BoundsThePartialSums) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem problem = make_problem(any_shape(), any_layout());
        const std::size_t bytes = *rc::gen::element(4, 8);
        const Conv2dWeightPlan plan = plan_weight(problem, test::wide_tiles, bytes, {.threads = 4});
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
        RC_ASSERT(!plan_weight(problem, test::wide_tiles, 4, strategy).partials());
        strategy.reduction = Reduction::partials;
        const Conv2dWeightPlan plan = plan_weight(problem, test::wide_tiles, 4, strategy);
        RC_ASSERT(plan.partials() || plan.segments.count < 2);
    }));
}

TEST(Conv2dWeightPlan, BringsNoShortRowsToPanelsOneByOne) {
    const auto family = [](std::int64_t in_channels, std::int64_t out_channels, std::int64_t size) {
        const Conv2dShape shape = test::square_layer(8, in_channels, size, out_channels, 3);
        return weight_family(make_problem(shape, {.layout = Layout::nchw}), 4);
    };
    EXPECT_EQ(family(8, 8, 4), LaneFamily::kernel_rows) << "not pixels";
    EXPECT_EQ(family(8, 8, 56), LaneFamily::kernel_rows);
    EXPECT_EQ(family(3, 64, 4), LaneFamily::kernel_rows) << "not patches";
    EXPECT_EQ(family(3, 8, 4), LaneFamily::kernel_rows) << "not pixels";
    EXPECT_EQ(family(3, 8, 56), LaneFamily::pixels);
}

}  // namespace
}  // namespace backgrad::plan
