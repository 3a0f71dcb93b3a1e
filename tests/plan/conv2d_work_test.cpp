#include "plan/conv2d_work.hpp"

#include "plan/properties.hpp"
#include "support/square_layer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace backgrad::plan {
namespace {

Conv2dTiles tiles_of(const RegisterTiles& dense) {
    return {dense, {dense.lanes, {0, 8, 8, 8, 6, 4, 3, 2, 2}, {0, 3, 3, 3, 3, 3, 3, 3, 2}}};
}

double total(const PhaseWork& phase) { return std::accumulate(phase.flops.begin(), phase.flops.end(), 0.0); }

/// The gradients' multiply-adds that meet a tap inside the input, two operations each.
double useful_flops(const Conv2dProblem& p, const Conv2dGradients& gradients) {
    std::int64_t rows = 0, columns = 0;
    for (std::int64_t r = 0; r < p.kernel_height; ++r)
        rows += valid_outputs(p.out_height, p.in_height, p.stride_height, p.input_row(0, r)).size();
    for (std::int64_t c = 0; c < p.kernel_width; ++c)
        columns += valid_outputs(p.out_width, p.in_width, p.stride_width, p.input_column(0, c)).size();
    const double products =
        static_cast<double>(p.batch * p.groups * p.out_channels * p.in_channels) * static_cast<double>(rows * columns);
    return 2 * products * (int{gradients.input} + int{gradients.weight});
}

TEST(Conv2dWork, HasATaskForEveryTaskOfThePlanAndEachCostsSomething) {
    EXPECT_TRUE(rc::check([] {
        const Conv2dProblem p = make_problem(test::any_shape(), test::any_layout());
        RC_PRE(p.batch * p.pixels_out() * p.pixels_in() > 0);
        const Conv2dTiles tiles = tiles_of(*rc::gen::element(test::wide_tiles, test::narrow_tiles));
        const Conv2dPlan plan = plan_conv2d(p, {}, tiles, 4, test::any_strategy());
        const Work work = conv2d_work(p, plan, tiles.dense, 4);
        std::vector<std::int64_t> tasks;
        for (const PhaseWork& phase : work.phases) {
            tasks.push_back(static_cast<std::int64_t>(phase.flops.size()));
            RC_ASSERT(std::all_of(phase.flops.begin(), phase.flops.end(), [](double flops) { return flops > 0; }));
            RC_ASSERT(phase.bytes > 0);
        }
        std::vector<std::int64_t> expected{plan.pack_tasks(), static_cast<std::int64_t>(plan.main_tasks.size())};
        std::erase(expected, 0);
        RC_ASSERT(tasks == expected);
        const bool partials = plan.weight_counters() + plan.depthwise_counters() > 0 || plan.bias;
        RC_ASSERT((work.partial_bytes > 0) == partials);
    }));
}

TEST(Conv2dWork, IsAtLeastTheUsefulOperationsAndAtMostAFewTimesThemForLargeLayers) {
    for (const std::int64_t kernel : {1, 3}) {
        const Conv2dProblem p = make_problem(test::square_layer(8, 128, 28, 256, kernel), {});
        for (const int threads : {1, 2, 16, 64}) {
            for (const Conv2dGradients gradients : {Conv2dGradients{true, false, false}, {false, true, true}}) {
                const Conv2dTiles tiles = tiles_of(test::wide_tiles);
                const Conv2dPlan plan = plan_conv2d(p, gradients, tiles, 4, {.threads = threads});
                const Work work = conv2d_work(p, plan, tiles.dense, 4);
                const PhaseWork& sums = work.phases[plan.pack_tasks() > 0 ? 1 : 0];
                EXPECT_GE(total(sums), useful_flops(p, gradients)) << kernel << " threads " << threads;
                EXPECT_LE(total(sums), 1.6 * useful_flops(p, gradients)) << kernel << " threads " << threads;
            }
        }
    }
}

/// A depthwise layer and what its gradient took on one core of an AMD EPYC with AVX-512.
struct MeasuredDepthwise {
    std::int64_t channels, pixels, kernel, stride;
    Layout layout;
    bool input;  ///< the input's gradient, else the weight's
    double cycles;
};

TEST(Conv2dWork, EstimatesDepthwiseGradientsNearWhatTheyTook) {
    for (const MeasuredDepthwise& m : {MeasuredDepthwise{256, 28, 3, 1, Layout::nchw, true, 309e3},
                                       {256, 28, 3, 2, Layout::nchw, true, 124e3},
                                       {240, 28, 5, 1, Layout::nchw, true, 643e3},
                                       {256, 28, 3, 1, Layout::nhwc, true, 296e3},
                                       {256, 28, 3, 2, Layout::nhwc, true, 146e3},
                                       {256, 28, 3, 1, Layout::nchw, false, 199e3},
                                       {256, 28, 3, 2, Layout::nchw, false, 113e3},
                                       {240, 28, 5, 1, Layout::nchw, false, 650e3},
                                       {256, 28, 3, 1, Layout::nhwc, false, 240e3},
                                       {256, 28, 3, 2, Layout::nhwc, false, 170e3}}) {
        const Conv2dShape shape =
            test::square_layer(2, m.channels, m.pixels, m.channels, m.kernel, m.stride, m.channels);
        const Conv2dTiles tiles = tiles_of(test::wide_tiles);
        const Conv2dProblem p = make_problem(shape, {.layout = m.layout});
        const Conv2dPlan plan = plan_conv2d(p, {m.input, !m.input, false}, tiles, 4, {.threads = 1});
        const double ratio = conv2d_work(p, plan, tiles.dense, 4).cycles() / m.cycles;
        EXPECT_GT(ratio, 0.6) << m.kernel << " stride " << m.stride << " input " << m.input;
        EXPECT_LT(ratio, 1.6) << m.kernel << " stride " << m.stride << " input " << m.input;
    }
}

TEST(Conv2dWork, GivesALargerBlockMoreWork) {
    Conv2dShape shape{.batch = 5, .in_channels = 48, .in_height = 9, .in_width = 9, .out_channels = 40};
    shape.kernel_height = shape.kernel_width = 3;
    const Conv2dProblem p = make_problem(shape, {});
    const Conv2dTiles tiles = tiles_of(test::wide_tiles);
    Conv2dPlan plan = plan_conv2d(p, {false, true, false}, tiles, 4, {.threads = 2});
    ASSERT_EQ(plan.weight->family, LaneFamily::channels);
    plan.weight->segment_groups = 1;
    plan.weight->lane_blocks = 1;
    plan.weight->row_blocks = 3;
    plan.main_tasks = interleave({3}, 1);
    const Work work = conv2d_work(p, plan, tiles.dense, 4);
    const Range first = plan.weight->row_block(0), last = plan.weight->row_block(2);
    ASSERT_GT(last.size(), first.size());
    EXPECT_GT(work.phases[0].flops[2], work.phases[0].flops[0]);
}

}  // namespace
}  // namespace backgrad::plan
