#include "plan/conv2d_depthwise_planes.hpp"

#include "plan/properties.hpp"
#include "support/square_layer.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>

namespace backgrad::plan {
namespace {

using test::any;

/// A problem whose sums are taken over planes.
Conv2dProblem any_problem() {
    const std::int64_t channels = any(1, 3), stride = any(1, 2);
    const std::int64_t height = 2 * any(0, 3) + 1, width = 2 * any(0, height == 1 ? 3 : height == 3 ? 1 : 0) + 1;
    const Conv2dShape shape{.batch = any(1, 3),
                            .in_channels = channels,
                            .in_height = any(2, 20),
                            .in_width = any(2, 200),
                            .out_channels = channels,
                            .kernel_height = height,
                            .kernel_width = width,
                            .stride_height = stride,
                            .stride_width = stride,
                            .padding_top = height / 2,
                            .padding_bottom = height / 2,
                            .padding_left = width / 2,
                            .padding_right = width / 2,
                            .groups = channels};
    const Conv2dProblem problem = make_problem(shape, {.layout = Layout::nchw});
    RC_PRE(works_on_planes(problem));
    return problem;
}

/// Lanes of a row, and of its first image if two share the lanes.
std::int64_t row_lanes(const DepthwisePlanesPlan& plan) { return plan.paired ? plan.lanes / 2 : plan.lanes; }

TEST(DepthwisePlanes, GiveEveryTermToOneLane) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = any_problem();
        const DepthwisePlanesPlan plan = plan_planes(p, *rc::gen::element(4, 8));
        for (std::int64_t c = 0; c < p.kernel_width; ++c) {
            const DepthwiseTapColumn tap = tap_column(p, c);
            for (std::int64_t x = 0; x < p.out_width; ++x) {
                int count = 0;
                for (const DepthwisePlaneColumns& block : plan.blocks) {
                    const std::int64_t lane = x + tap.shift - block.origin, own = x - block.origin;
                    const bool is_own = own >= 0 && own < row_lanes(plan) && (block.own >> own & 1U) != 0;
                    if (!is_own) continue;
                    const bool has_lane = lane >= 0 && lane < row_lanes(plan);
                    count += int{has_lane && (block.taps[static_cast<std::size_t>(c)] >> lane & 1U) != 0};
                }
                const std::int64_t column = p.input_column(x, c);
                RC_ASSERT(column == (x + tap.shift) * p.stride_width + tap.phase);
                RC_ASSERT(count == int{column >= 0 && column < p.in_width});
            }
        }
    }));
}

TEST(DepthwisePlanes, HaveNoLaneWithoutATerm) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = any_problem();
        const DepthwisePlanesPlan plan = plan_planes(p, *rc::gen::element(4, 8));
        std::int64_t lanes = 0, terms = 0;
        for (const DepthwisePlaneColumns& block : plan.blocks)
            for (const std::uint32_t taps : block.taps) lanes += std::popcount(taps);
        for (std::int64_t c = 0; c < p.kernel_width; ++c)
            for (std::int64_t x = 0; x < p.out_width; ++x) {
                const std::int64_t column = p.input_column(x, c);
                terms += int{column >= 0 && column < p.in_width};
            }
        RC_ASSERT(lanes == (plan.paired ? 2 : 1) * terms);
    }));
}

TEST(DepthwisePlanes, StayInsideTheRowWhereItFillsTheLanes) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = any_problem();
        const DepthwisePlanesPlan plan = plan_planes(p, *rc::gen::element(4, 8));
        for (const DepthwisePlaneColumns& block : plan.blocks) {
            RC_ASSERT(block.origin >= 0);
            RC_ASSERT(p.out_width < row_lanes(plan) || block.origin + row_lanes(plan) <= p.out_width);
            for (int half = 0; half < 2; ++half) {
                RC_ASSERT(block.grad_output_elements[half] <= plan.lanes / 2);
                RC_ASSERT(block.input_elements[half] <= plan.lanes / 2 * p.stride_width);
            }
        }
    }));
}

TEST(DepthwisePlanes, GiveEveryColumnOfGradInputToOneBlockThatHoldsWhatItMeets) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = any_problem();
        const std::size_t element_bytes = *rc::gen::element(4, 8);
        const std::int64_t lanes = static_cast<std::int64_t>(64 / element_bytes);
        const std::int64_t lowest = -(p.kernel_width / 2 / p.stride_width);
        std::int64_t position = 0;
        for (const DepthwisePlaneInputColumns& block : plan_input_planes(p, element_bytes)) {
            RC_ASSERT(block.columns.begin == position && block.columns.size() > 0);
            position = block.columns.end;
            for (std::size_t i = 0; i < block.exists.size(); ++i)
                for (std::int64_t x = block.columns.begin; x < block.columns.end; ++x) {
                    const std::int64_t meets = x + lowest + static_cast<std::int64_t>(i);
                    const bool exists = (block.exists[i] >> (x - block.columns.begin) & 1U) != 0;
                    RC_ASSERT(exists == (meets >= 0 && meets < p.out_width));
                    RC_ASSERT(!exists || (meets >= block.origin && meets < block.origin + lanes));
                }
        }
        RC_ASSERT(position == p.out_width);
    }));
}

TEST(DepthwisePlanes, NeedAKernelWithACentre) {
    const auto planes = [](std::int64_t kernel, std::int64_t padding, std::int64_t stride, Layout layout) {
        Conv2dShape shape = test::square_layer(2, 4, 12, 4, kernel, stride, 4);
        shape.padding_top = shape.padding_bottom = shape.padding_left = shape.padding_right = padding;
        return works_on_planes(make_problem(shape, {.layout = layout}));
    };
    EXPECT_TRUE(planes(3, 1, 1, Layout::nchw));
    EXPECT_TRUE(planes(3, 1, 2, Layout::nchw));
    EXPECT_FALSE(planes(3, 1, 1, Layout::nhwc));
    EXPECT_FALSE(planes(3, 0, 1, Layout::nchw));
    EXPECT_FALSE(planes(3, 1, 3, Layout::nchw));
    EXPECT_FALSE(planes(2, 1, 1, Layout::nchw));
    EXPECT_FALSE(planes(5, 2, 1, Layout::nchw)) << "25 sums";
}

}  // namespace
}  // namespace backgrad::plan
