#include "plan/conv2d_bias_plan.hpp"

#include "plan/properties.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace backgrad::plan {
namespace {

/// grad_bias has the same bits alone as beside grad_weight, so both must cut the sum alike.
TEST(Conv2dBiasPlan, CutsTheSumAsTheWeightGradientDoes) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem problem = make_problem(test::any_shape(), test::any_layout());
        const std::size_t bytes = *rc::gen::element(4, 8);
        const Strategy strategy = test::any_strategy();
        const Conv2dWeightPlan weight = plan_weight(problem, test::wide_tiles, bytes, strategy);
        if (weight.exchanged) return;  // sums over other pixels, without the bias
        const Conv2dBiasPlan bias = plan_bias(problem, bytes, strategy);
        RC_ASSERT(bias.segments.count == weight.segments.count);
        RC_ASSERT(bias.segments.largest() == weight.segments.largest());
        RC_ASSERT(bias.segment_groups == weight.segment_groups);
    }));
}

TEST(Conv2dBiasPlan, GivesEveryChannelAndSegmentToOneTask) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem problem = make_problem(test::any_shape(), test::any_layout());
        const Conv2dBiasPlan plan = plan_bias(problem, *rc::gen::element(4, 8), test::any_strategy());
        RC_ASSERT(test::fill(plan.segments.count, plan.segment_groups, [&](auto g) { return plan.segment_group(g); }));
        RC_ASSERT(test::fill(problem.out_channels, plan.channel_blocks,
                             [&](auto b) { return plan.channel_block(problem, b); }));
        for (std::int64_t b = 0; b < plan.channel_blocks; ++b)
            RC_ASSERT(plan.channel_block(problem, b).size() <= plan.channels_per_block);
        RC_ASSERT(plan.tasks == problem.groups * plan.segment_groups * plan.channel_blocks);
    }));
}

}  // namespace
}  // namespace backgrad::plan
