#include "plan/conv2d_depthwise_plan.hpp"

#include "plan/properties.hpp"
#include "support/square_layer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace backgrad::plan {
namespace {

using test::any;

/// A depthwise problem that has output pixels, and its plan.
struct Planned {
    Conv2dProblem problem;
    Conv2dDepthwisePlan plan;
};

constexpr DepthwiseTileLimits avx512_limits{16, {0, 6, 6, 6, 6, 4, 4, 3, 3}, {0, 3, 3, 3, 3, 3, 3, 3, 2}};

Planned any_plan() {
    Conv2dShape shape = test::any_shape();
    shape.groups = any(1, 100);
    shape.in_channels = shape.out_channels = shape.groups * *rc::gen::element(1, 1, 2, 4, 8, 16);
    const Conv2dProblem problem = make_problem(shape, test::any_layout());
    const std::size_t element_bytes = *rc::gen::element<std::size_t>(4, 8);
    RC_PRE(lane_group(problem, element_bytes) > 0 && problem.batch * problem.pixels_out() > 0);
    const Conv2dGradients gradients{*rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>(),
                                    *rc::gen::arbitrary<bool>()};
    RC_PRE(gradients.input || gradients.weight || gradients.bias);
    DepthwiseTileLimits limits = avx512_limits;
    limits.lanes = *rc::gen::element(8, 16);
    return {problem, plan_depthwise(problem, gradients, limits, element_bytes, test::any_strategy())};
}

/// Calls visit(strip) for every strip of every segment group, in the order in which tasks take them.
template <class Visit>
void for_each_strip(const Conv2dProblem& problem, const Conv2dDepthwisePlan& plan, const Visit& visit) {
    for (std::int64_t group = 0; group < plan.segment_groups; ++group) {
        Range segments = plan.segment_group(group);
        while (segments.size() > 0) {
            const PixelBox box = plan.segments.box(segments.begin);
            std::int64_t end = segments.begin;
            for (std::int64_t n = box.image_begin; n < box.image_end; ++n) {
                const DepthwiseStrip strip = depthwise_strip(problem, plan, segments, n);
                visit(strip);
                end = strip.segments.end;
            }
            segments.begin = end;
        }
    }
}

/// Two cores that share pixels slow each other down.
TEST(Conv2dDepthwisePlan, GivesTasksOfNhwcInputsWholePixels) {
    const Conv2dShape shape{.batch = 16,
                            .in_channels = 512,
                            .in_height = 14,
                            .in_width = 14,
                            .out_channels = 512,
                            .kernel_height = 3,
                            .kernel_width = 3,
                            .stride_height = 2,
                            .stride_width = 2,
                            .padding_top = 1,
                            .padding_bottom = 1,
                            .padding_left = 1,
                            .padding_right = 1,
                            .groups = 512};
    for (const int threads : {1, 2}) {
        Strategy strategy;
        strategy.threads = threads;
        const Conv2dProblem problem = make_problem(shape, {.layout = Layout::nhwc});
        const Conv2dDepthwisePlan plan =
            plan_depthwise(problem, {true, false, false}, avx512_limits, sizeof(float), strategy);
        EXPECT_TRUE(plan.input_over_rows);
        EXPECT_FALSE(plan.source_panels());
        EXPECT_EQ(plan.unit_blocks, 1);
        EXPECT_EQ(plan.segment_groups % threads, 0);
    }
}

TEST(Conv2dDepthwisePlan, HasPanelsForEveryStrip) {
    EXPECT_TRUE(rc::check([] {
        const auto [p, plan] = any_plan();
        for_each_strip(p, plan, [&p = p, &plan = plan](const DepthwiseStrip& strip) {
            if (plan.source_panels())
                RC_ASSERT(strip.source_rows.size() * (p.out_width + plan.margins()) * plan.unit_channels <=
                          plan.source_elements);
            if (plan.input_panels())
                RC_ASSERT(strip.input_rows.size() * p.in_width * plan.unit_channels <= plan.input_elements);
            if (plan.target_panels())
                RC_ASSERT(strip.target_rows.size() * p.in_width * plan.unit_channels <= plan.target_elements);
        });
    }));
}

TEST(Conv2dDepthwisePlan, HasMarginsForEveryTapBesideTheImageAndNoWider) {
    EXPECT_TRUE(rc::check([] {
        const auto [p, plan] = any_plan();
        std::int64_t left = 0, right = 0;
        for (std::int64_t x = 0; x < p.in_width; ++x)
            for (std::int64_t c = 0; c < p.kernel_width; ++c) {
                const std::int64_t reached = x + p.padding_left - c * p.dilation_width;
                if (reached % p.stride_width != 0) continue;
                left = std::max(left, -reached / p.stride_width);
                right = std::max(right, reached / p.stride_width + 1 - p.out_width);
            }
        RC_ASSERT(plan.margin_left == (plan.target_panels() ? left : 0));
        RC_ASSERT(plan.margin_right == (plan.target_panels() ? right : 0));
    }));
}

TEST(Conv2dDepthwisePlan, WritesEveryRowOfGradInputOnce) {
    EXPECT_TRUE(rc::check([] {
        const auto [p, plan] = any_plan();
        std::vector<int> visits(static_cast<std::size_t>(p.batch * p.in_height));
        for_each_strip(p, plan, [&p = p, &visits](const DepthwiseStrip& strip) {
            for (std::int64_t y = strip.target_rows.begin; y < strip.target_rows.end; ++y)
                ++visits.at(static_cast<std::size_t>(strip.image * p.in_height + y));
        });
        RC_ASSERT(std::all_of(visits.begin(), visits.end(), [](int count) { return count == 1; }));
    }));
}

TEST(Conv2dDepthwisePlan, ReadsEveryRowThatAStripNeeds) {
    EXPECT_TRUE(rc::check([] {
        const auto [p, plan] = any_plan();
        for_each_strip(p, plan, [&p = p](const DepthwiseStrip& strip) {
            const auto needed = [&](std::int64_t y) {
                return strip.source_rows.begin <= y && y < strip.source_rows.end;
            };
            for (std::int64_t y = 0; y < p.out_height; ++y)
                for (std::int64_t r = 0; r < p.kernel_height; ++r) {
                    const std::int64_t row = p.input_row(y, r);
                    const bool meets_target = strip.target_rows.begin <= row && row < strip.target_rows.end;
                    RC_ASSERT(!meets_target || needed(y));
                    const bool in_strip = strip.rows.begin <= y && y < strip.rows.end;
                    if (!in_strip) continue;
                    RC_ASSERT(needed(y));
                    RC_ASSERT(row < 0 || row >= p.in_height ||
                              (strip.input_rows.begin <= row && row < strip.input_rows.end));
                }
        });
    }));
}

TEST(Conv2dDepthwisePlan, GivesEveryUnitAndSegmentToOneTask) {
    EXPECT_TRUE(rc::check([] {
        const auto [p, plan] = any_plan();
        RC_ASSERT(test::fill(plan.segments.count, plan.segment_groups,
                             [&plan = plan](std::int64_t g) { return plan.segment_group(g); }));
        RC_ASSERT(
            test::fill(plan.units, plan.unit_blocks, [&plan = plan](std::int64_t b) { return plan.unit_block(b); }));
        for (std::int64_t b = 0; b < plan.unit_blocks; ++b)
            RC_ASSERT(plan.unit_block(b).size() <= plan.units_per_block);
        RC_ASSERT(plan.tasks == plan.segment_groups * plan.unit_blocks);
    }));
}

Conv2dProblem square_kernel(std::int64_t channels, std::int64_t kernel, std::int64_t stride) {
    return make_problem(test::square_layer(16, channels, 28, channels, kernel, stride, channels),
                        {.layout = Layout::nhwc});
}

TEST(Conv2dDepthwisePlan, KeepsTheWeightsOfRowsInTheFirstCache) {
    constexpr Conv2dGradients input{true, false, false};
    for (const int lanes : {8, 16})
        for (const int threads : {1, 2}) {
            DepthwiseTileLimits limits = avx512_limits;
            limits.lanes = lanes;
            const auto plan = plan_depthwise(square_kernel(240, 5, 1), input, limits, 4, {.threads = threads});
            EXPECT_TRUE(plan.input_over_rows);
            EXPECT_FALSE(plan.source_panels());
            EXPECT_GT(plan.unit_blocks, 1);
            EXPECT_LE(plan.units_per_block * plan.weight_elements * 4, 12 * 1024);
        }
    const auto strided = plan_depthwise(square_kernel(240, 5, 2), input, avx512_limits, 4, {.threads = 1});
    EXPECT_TRUE(strided.input_over_rows);
    EXPECT_EQ(strided.unit_blocks, 1) << "strides leave little to compute: whole pixels gain more";
}

TEST(Conv2dDepthwisePlan, TakesRowsForTheInputOfSmallKernelsAlone) {
    const auto over_rows = [](std::int64_t kernel, std::int64_t stride, const Conv2dGradients& gradients) {
        return plan_depthwise(square_kernel(240, kernel, stride), gradients, avx512_limits, 4, {}).input_over_rows;
    };
    EXPECT_TRUE(over_rows(3, 1, {true, true, false}));
    EXPECT_TRUE(over_rows(5, 1, {true, false, false}));
    EXPECT_FALSE(over_rows(5, 1, {true, true, false})) << "the panels of the sums serve both";
    EXPECT_FALSE(over_rows(7, 1, {true, false, false}));
    EXPECT_TRUE(over_rows(7, 2, {true, false, false}));
}

TEST(Conv2dDepthwisePlan, LetsNoTwoTasksWriteOneLineOfAPixel) {
    DepthwiseTileLimits limits = avx512_limits;
    limits.lanes = 8;
    for (const std::int64_t channels : {240, 672, 1152})
        for (const std::int64_t kernel : {3, 5, 7}) {
            const auto plan =
                plan_depthwise(square_kernel(channels, kernel, 1), {true, false, false}, limits, 4, {.threads = 2});
            for (std::int64_t b = 1; b < plan.unit_blocks; ++b)
                EXPECT_EQ(plan.unit_block(b).begin * plan.unit_channels * 4 % 64, 0) << channels << ", " << kernel;
        }
}

}  // namespace
}  // namespace backgrad::plan
