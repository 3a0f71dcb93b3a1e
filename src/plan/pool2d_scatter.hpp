#pragma once

#include "plan/pool2d_plan.hpp"

namespace backgrad::plan {

/// How a kernel adds each window's gradient to the sum of the pixel that its saved index names, in scratch, where
/// reading every window once costs less than reading it for every pixel under it: large windows, and planes whose rows
/// leave most lanes of a vector idle.
struct Pool2dScatter {
    bool fits = false;
    std::int64_t planes = 0;  ///< side by side, so that one need not wait for the additions of the other
    std::int64_t rows = 0;    ///< of pixels whose sums fit the scratch
    /// Of all windows that meet such rows, row by row: where they begin, seen from the row in which the first of them
    /// begin; the position of their first cell that no padding holds; and the cells in a row less one.
    std::vector<std::int32_t> window_rows, window_columns, first_cells, last_cells;
};

/// `whole_planes`: all tasks hold whole planes.
Pool2dScatter make_scatter(const Pool2dShape& shape, Layout layout, Pool2dReads reads, const Pool2dKernelLimits& limits,
                           bool whole_planes);

}  // namespace backgrad::plan
