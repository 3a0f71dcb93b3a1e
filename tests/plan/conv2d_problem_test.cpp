#include "plan/conv2d_problem.hpp"

#include <gtest/gtest.h>

namespace backgrad::plan {
namespace {

/// A layer whose windows of `columns` columns lie side by side.
Conv2dShape patches(std::int64_t columns) {
    return {.batch = 2,
            .in_channels = 3,
            .in_height = 12,
            .in_width = 5 * columns,
            .out_channels = 7,
            .kernel_height = 4,
            .kernel_width = columns,
            .stride_height = 4,
            .stride_width = columns};
}

TEST(Conv2dProblem, JoinsTheColumnsOfWindowsSideBySide) {
    const Conv2dProblem p = make_problem(patches(6), {.layout = Layout::nhwc});
    EXPECT_EQ(p.in_channels, 18);
    EXPECT_EQ(p.in_width, 5);
    EXPECT_EQ(p.out_width, 5);
    EXPECT_EQ(p.kernel_width, 1);
    EXPECT_EQ(p.stride_width, 1);
    EXPECT_EQ(p.kernel_height, 4) << "rows lie apart";
    EXPECT_EQ(p.in_height, 12);
    EXPECT_EQ(p.input_elements(), 2 * 3 * 12 * 30);
    EXPECT_EQ(p.weight_elements(), 7 * 3 * 4 * 6);
}

TEST(Conv2dProblem, KeepsColumnsThatAreNotOnePixel) {
    const auto columns = [](const Conv2dShape& shape, const Conv2dBackwardOptions& options) {
        return make_problem(shape, options).kernel_width;
    };
    EXPECT_EQ(columns(patches(6), {.layout = Layout::nchw}), 6) << "columns of one channel follow each other";
    EXPECT_EQ(columns(patches(6), {.layout = Layout::nhwc, .weight_layout = WeightLayout::oihw}), 6)
        << "so do those of the weights";
    Conv2dShape shape = patches(6);
    shape.stride_width = 5;
    EXPECT_EQ(columns(shape, {.layout = Layout::nhwc}), 6) << "windows overlap";
    shape = patches(6);
    shape.in_width += 1;
    EXPECT_EQ(columns(shape, {.layout = Layout::nhwc}), 6) << "a column is in no window";
    shape = patches(6);
    shape.padding_left = 1;
    EXPECT_EQ(columns(shape, {.layout = Layout::nhwc}), 6) << "a window begins with padding";
    shape = patches(6);
    EXPECT_EQ(columns(shape, {.layout = Layout::nhwc, .input_gradient = InputGradient::rotated_kernel}), 6)
        << "the kernel is read backwards";
    shape = patches(6);
    shape.in_channels = 6, shape.out_channels = 8, shape.groups = 2;
    EXPECT_EQ(columns(shape, {.layout = Layout::nhwc}), 6) << "pixels have the channels of several groups";
}

TEST(Conv2dProblem, KnowsNoLayoutOfOneChannel) {
    Conv2dShape shape{.batch = 2, .in_channels = 1, .in_height = 9, .in_width = 8, .out_channels = 1};
    shape.kernel_height = shape.kernel_width = 3;
    EXPECT_EQ(make_problem(shape, {.layout = Layout::nhwc}).layout, Layout::nchw);
    EXPECT_FALSE(make_problem(shape, {.layout = Layout::nhwc}).weight_ohwi);
    shape.out_channels = 2;
    EXPECT_EQ(make_problem(shape, {.layout = Layout::nhwc}).layout, Layout::nhwc);
}

}  // namespace
}  // namespace backgrad::plan
