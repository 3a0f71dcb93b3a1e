#pragma once

#include "plan/gather_program.hpp"
#include "plan/pool2d_plan.hpp"

namespace backgrad::plan {

/// How a kernel computes grad_input line by line, where a line is a row of a plane, or a few small planes as one run of
/// elements, so that vectors are full whatever the width of the planes. An NHWC image of few channels is such a plane,
/// too: its pixels are several elements. See kernels::Pool2dLine.
struct Pool2dLines {
    bool fits = false;          ///< else only the element-wise kernel can do it
    std::int64_t planes = 0;    ///< planes of a line; 0: lines are rows
    std::int64_t channels = 1;  ///< elements of a pixel
    GatherProgram gather, maxima;
    std::int64_t margin = 0;  ///< elements before the first and behind the last one that whole vectors may reach
    std::vector<std::int32_t> positions;  ///< with margins
    std::vector<std::int32_t> first_cells;
    std::vector<std::int32_t> window_rows, window_columns;
    std::int64_t scratch_rows = 1;
    std::int64_t scratch_pitch = 0;  ///< with margins
};

/// `whole_planes` allows lines of planes: all tasks hold whole planes. `channels` elements of a pixel lie side by side;
/// several fit lines of planes only.
Pool2dLines make_lines(const Pool2dShape& shape, Pool2dReads reads, const Pool2dCovers& rows,
                       const Pool2dCovers& columns, const Pool2dKernelLimits& limits, bool whole_planes,
                       std::int64_t channels = 1);

}  // namespace backgrad::plan
