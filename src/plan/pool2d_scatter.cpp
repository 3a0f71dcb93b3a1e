#include "plan/pool2d_scatter.hpp"

#include "plan/conv2d_problem.hpp"

#include <algorithm>

namespace backgrad::plan {
namespace {

/// Estimates in cycles, for planes in the near caches.
double scatter_cycles(const Pool2dAxis& height, const Pool2dAxis& width, Pool2dReads reads, int lanes) {
    constexpr double per_vector = 2.5;
    const double per_window = reads == Pool2dReads::window_offsets ? 4.6 : 3.3;
    const auto windows = static_cast<double>(height.out * width.out);
    return per_window * windows + per_vector * static_cast<double>(ceil_div(height.in * width.in, lanes));
}

/// Windows that cover a pixel.
double cover(const Pool2dAxis& height, const Pool2dAxis& width) {
    return static_cast<double>(height.window * width.window) / static_cast<double>(height.stride * width.stride);
}

/// Most loads of a cache line's length meet two lines.
double slowness_of_loads(const Pool2dKernelLimits& limits) { return limits.whole_lines ? 1.7 : 1; }

/// Every vector of pixels reads the windows above it.
double gather_cycles(const Pool2dAxis& height, const Pool2dAxis& width, const Pool2dKernelLimits& limits) {
    constexpr double per_window = 2.4, per_vector = 2;
    const double vectors = static_cast<double>(height.in * width.in) / limits.lanes;
    return (per_vector + per_window * cover(height, width)) * vectors * slowness_of_loads(limits);
}

/// A vector of each phase of columns, from the top of a plane to its bottom.
double strip_cycles(const Pool2dAxis& height, const Pool2dAxis& width, std::int64_t planes,
                    const Pool2dKernelLimits& limits) {
    constexpr double per_window = 1, per_vector = 2.8;
    const std::int64_t strips = ceil_div(width.in, width.stride * limits.lanes);
    const double vectors = static_cast<double>(height.in * width.stride * strips) / static_cast<double>(planes);
    return (per_vector + per_window * cover(height, width)) * vectors * slowness_of_loads(limits);
}

/// The most rows of windows that meet `rows` rows of pixels, wherever these begin.
std::int64_t window_rows(const Pool2dAxis& height, std::int64_t rows) {
    return std::min(height.out, (rows - 1 + height.window - 1) / height.stride + 1);
}

std::int64_t rows_of_block(const Pool2dAxis& height, const Pool2dAxis& width, const Pool2dKernelLimits& limits) {
    const std::int64_t by_sums = limits.scatter_pixels / width.in;
    const std::int64_t by_windows = limits.scatter_windows / width.out * height.stride - height.window + 1;
    const std::int64_t rows = std::min(by_sums, by_windows);
    return std::min(rows, height.in);
}

}  // namespace

Pool2dScatter make_scatter(const Pool2dShape& shape, Layout layout, Pool2dReads reads, const Pool2dKernelLimits& limits,
                           bool whole_planes) {
    Pool2dScatter plan;
    const bool saved = reads == Pool2dReads::plane_indices || reads == Pool2dReads::window_offsets;
    const Pool2dAxis height = height_axis(shape), width = width_axis(shape);
    if (layout != Layout::nchw || !saved || height.dilation != 1 || width.dilation != 1) return plan;
    if (height.in == 0 || width.in == 0 || height.out <= 0 || width.out <= 0) return plan;
    const double gathering = strip_steps(shape, reads, limits, whole_planes) > 0
                                 ? strip_cycles(height, width, strip_planes(shape, reads, limits, whole_planes), limits)
                                 : gather_cycles(height, width, limits);
    if (scatter_cycles(height, width, reads, limits.lanes) > gathering) return plan;
    plan.rows = rows_of_block(height, width, limits);
    // Blocks share the windows between them.
    if (plan.rows < height.in && plan.rows < 2 * height.window) return plan;
    plan.fits = true;
    plan.planes = 2 * plan.rows * width.in <= limits.scatter_pixels ? 2 : 1;
    for (std::int64_t y = 0; y < window_rows(height, plan.rows); ++y) {
        for (std::int64_t x = 0; x < width.out; ++x) {
            const std::int64_t start = x * width.stride - width.padding, first = std::max<std::int64_t>(0, start);
            const std::int64_t end = std::min(width.in, start + width.window);
            plan.window_rows.push_back(static_cast<std::int32_t>(y * height.stride));
            plan.window_columns.push_back(static_cast<std::int32_t>(start));
            plan.first_cells.push_back(static_cast<std::int32_t>(y * height.stride * width.in + first));
            plan.last_cells.push_back(static_cast<std::int32_t>(end - first - 1));
        }
    }
    // Whole vectors are read.
    for (auto* table : {&plan.window_rows, &plan.window_columns, &plan.first_cells, &plan.last_cells}) {
        table->resize(table->size() + static_cast<std::size_t>(limits.lanes), -1);
    }
    return plan;
}

}  // namespace backgrad::plan
