#include "plan/pool2d_scatter.hpp"

#include "kernels/pool2d_kernels.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace backgrad::plan {
namespace {

Pool2dKernelLimits limits_of(int lanes, bool whole_lines) {
    Pool2dKernelLimits limits{};
    limits.lanes = lanes;
    limits.whole_lines = whole_lines;
    limits.strip_windows = kernels::pool2d_strip_windows;
    limits.strip_cells = kernels::pool2d_strip_cells;
    limits.strip_room = kernels::pool2d_strip_room_bytes / 4;
    limits.scatter_pixels = kernels::pool2d_scatter_pixels;
    limits.scatter_windows = kernels::pool2d_scatter_windows;
    return limits;
}

Pool2dShape square(std::int64_t size, std::int64_t window, std::int64_t stride, std::int64_t padding) {
    return {.batch = 2,
            .channels = 16,
            .in_height = size,
            .in_width = size,
            .window_height = window,
            .window_width = window,
            .stride_height = stride,
            .stride_width = stride,
            .padding_top = padding,
            .padding_bottom = padding,
            .padding_left = padding,
            .padding_right = padding};
}

TEST(Pool2dScatter, ServesLargeWindows) {
    for (const Pool2dKernelLimits& limits : {limits_of(16, true), limits_of(8, false)}) {
        const auto fits = [&](const Pool2dShape& shape, Layout layout, Pool2dReads reads) {
            return make_scatter(shape, layout, reads, limits, true).fits;
        };
        EXPECT_TRUE(fits(square(20, 5, 1, 2), Layout::nchw, Pool2dReads::plane_indices));
        EXPECT_TRUE(fits(square(20, 13, 1, 6), Layout::nchw, Pool2dReads::window_offsets));
        EXPECT_FALSE(fits(square(20, 5, 1, 2), Layout::nhwc, Pool2dReads::plane_indices));
        EXPECT_FALSE(fits(square(20, 5, 1, 2), Layout::nchw, Pool2dReads::input));
        EXPECT_FALSE(fits(square(20, 5, 1, 2), Layout::nchw, Pool2dReads::nothing));
        EXPECT_FALSE(fits(square(28, 3, 1, 1), Layout::nchw, Pool2dReads::plane_indices));
        // Rows of which the scratch holds too few.
        EXPECT_FALSE(fits(square(1000, 5, 1, 2), Layout::nchw, Pool2dReads::plane_indices));
    }
}

TEST(Pool2dScatter, BlocksFitTheScratchWithTheWindowsThatMeetThem) {
    const Pool2dKernelLimits limits = limits_of(16, true);
    for (std::int64_t size = 5; size < 120; ++size)
        for (const std::int64_t window : {4, 5, 7})
            for (const std::int64_t stride : {1, 2, 3}) {
                const Pool2dShape shape = square(size, window, stride, window / 2);
                const Pool2dScatter plan = make_scatter(shape, Layout::nchw, Pool2dReads::plane_indices, limits, true);
                if (!plan.fits) continue;
                ASSERT_LE(plan.planes * plan.rows * size, limits.scatter_pixels);
                const auto windows = static_cast<std::int64_t>(plan.first_cells.size()) - limits.lanes;
                ASSERT_LE(windows, limits.scatter_windows);
                for (std::int64_t begin = 0; begin < size; ++begin) {
                    const std::int64_t end = std::min(size, begin + plan.rows), top = begin + shape.padding_top;
                    std::int64_t rows = 0;
                    for (std::int64_t y = 0; y < shape.out_height(); ++y)
                        rows += y * stride + window > top && y * stride < end + shape.padding_top ? 1 : 0;
                    ASSERT_LE(rows * shape.out_width(), windows) << size << " " << window << " " << stride;
                }
            }
}

TEST(Pool2dStrips, AreSharedByPlanesThatTasksHoldWhole) {
    const Pool2dShape narrow = square(7, 3, 1, 1), wide = square(9, 3, 1, 1);
    const auto planes = [](const Pool2dShape& shape, const Pool2dKernelLimits& limits, bool whole_planes) {
        return strip_planes(shape, Pool2dReads::nothing, limits, whole_planes);
    };
    EXPECT_EQ(planes(narrow, limits_of(16, true), true), 2);
    EXPECT_EQ(planes(narrow, limits_of(16, true), false), 1);
    EXPECT_EQ(planes(narrow, limits_of(8, false), true), 1);
    EXPECT_EQ(planes(wide, limits_of(16, true), true), 1);
    // Alone, such rows leave most lanes idle.
    EXPECT_GT(strip_steps(narrow, Pool2dReads::nothing, limits_of(16, true), true), 0);
    EXPECT_EQ(strip_steps(narrow, Pool2dReads::nothing, limits_of(16, true), false), 0);
}

}  // namespace
}  // namespace backgrad::plan
