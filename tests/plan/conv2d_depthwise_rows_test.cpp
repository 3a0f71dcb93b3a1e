#include "plan/conv2d_depthwise_rows.hpp"

#include "plan/properties.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace backgrad::plan {
namespace {

using test::any;

Conv2dShape make_shape(std::int64_t kernel, std::int64_t stride) {
    return {.batch = 2,
            .in_channels = 8,
            .in_height = 20,
            .in_width = 20,
            .out_channels = 8,
            .kernel_height = kernel,
            .kernel_width = kernel,
            .stride_height = stride,
            .stride_width = stride,
            .groups = 8};
}

bool works(const Conv2dShape& shape, Layout layout = Layout::nhwc) {
    return works_on_rows(make_problem(shape, {.layout = layout}));
}

TEST(DepthwiseRows, TakeSmallKernelsOfNhwc) {
    EXPECT_TRUE(works(make_shape(3, 1)));
    EXPECT_TRUE(works(make_shape(3, 2)));
    EXPECT_FALSE(works(make_shape(3, 3)));
    EXPECT_FALSE(works(make_shape(2, 1)));
    EXPECT_FALSE(works(make_shape(5, 1)));
    EXPECT_FALSE(works(make_shape(3, 1), Layout::nchw));
    Conv2dShape dilated = make_shape(3, 1), grouped = make_shape(3, 1);
    dilated.dilation_width = 2;
    EXPECT_FALSE(works(dilated));
    grouped.groups = 4;
    EXPECT_FALSE(works(grouped));
}

TEST(DepthwiseRows, TakeOddKernelsForTheInput) {
    const auto serves = [](const Conv2dShape& shape, Layout layout = Layout::nhwc) {
        return has_row_input(make_problem(shape, {.layout = layout}));
    };
    for (const std::int64_t kernel : {3, 5, 7}) {
        EXPECT_TRUE(serves(make_shape(kernel, 1)));
        EXPECT_TRUE(serves(make_shape(kernel, 2)));
        EXPECT_FALSE(serves(make_shape(kernel, 3)));
        EXPECT_FALSE(serves(make_shape(kernel, 1), Layout::nchw));
    }
    EXPECT_FALSE(serves(make_shape(4, 1)));
    EXPECT_FALSE(serves(make_shape(9, 1)));
    Conv2dShape dilated = make_shape(3, 1), tall = make_shape(3, 1), grouped = make_shape(3, 1);
    dilated.dilation_width = 2;
    EXPECT_FALSE(serves(dilated));
    tall.kernel_height = 17;
    EXPECT_FALSE(serves(tall));
    grouped.groups = 4;
    EXPECT_FALSE(serves(grouped));
}

TEST(DepthwiseRows, CoverASegmentByBlocksThatTheKernelsTake) {
    EXPECT_TRUE(rc::check([] {
        const std::int64_t stride = any(1, 2), begin = any(0, 10), count = any(1, 30);
        const Conv2dProblem p = make_problem(make_shape(3, stride), {.layout = Layout::nhwc});
        const PixelBox segment{0, 1, begin, begin + count, 0, 5};
        std::int64_t row = begin;
        for (std::int64_t b = 0; b < row_block_count(p, segment); ++b) {
            const Range rows = row_block(p, segment, b);
            RC_ASSERT(rows.begin == row);
            RC_ASSERT(rows.size() >= 1);
            RC_ASSERT(rows.size() <= (stride == 1 ? 4 : 2));
            row = rows.end;
        }
        RC_ASSERT(row == begin + count);
    }));
}

}  // namespace
}  // namespace backgrad::plan
