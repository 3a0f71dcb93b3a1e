#pragma once

#include "plan/pool2d_plan.hpp"

namespace backgrad::plan {

/// The rows (or columns) e, e + stride, e + 2 stride, ... of the input: window k of those that cover the i-th of them
/// is i + first + k * step, which may lie outside the tensor. One line after the other, one window.
struct Pool2dPhase {
    std::int64_t lines = 0;
    std::int64_t first = 0;
    std::int64_t count = 0;
};

/// The phases of an axis, one per line of the stride.
struct Pool2dAxisPhases {
    std::vector<Pool2dPhase> phases;
    std::int64_t lowest = 0, highest = 0;  ///< window of those that cover the line i of any phase, less i
};

/// How a kernel computes blocks of rows of grad_input phase by phase, so that neighbours in a phase take neighbouring
/// windows, whatever the stride. Elements of a row are pixels times channels: one channel in NCHW.
struct Pool2dPhases {
    bool fits = false;
    std::int64_t channels = 1;
    Pool2dAxisPhases rows, columns;
    std::vector<std::int32_t> positions;  ///< columns of the elements of phase 0
    std::int64_t steps_per_block = 0;     ///< rows of each phase
    /// A block's windows stand in scratch, surrounded by windows that do not exist: rows of `pitch` elements, the first
    /// window behind a margin.
    std::int64_t pitch = 0, margin = 0;
    /// Where the windows of each phase of rows and columns stand, seen from the place of a block's first row and the
    /// first element of a row: windows[first_window[k]] to windows[first_window[k + 1] - 1], k = row phase * stride +
    /// column phase.
    std::vector<std::int64_t> first_window, windows;
    /// Of each element of a row of windows: where the window begins, and its first column inside the tensor.
    std::vector<std::int32_t> window_rows, window_columns, first_cells;
    /// Where cell k of the windows lies in a row of the input that is cut into phases of `cell_pitch` elements.
    std::vector<std::int64_t> cells;
    std::int64_t cell_pitch = 0;
    std::int64_t cell_rows = 0;  ///< that are cut at once
};

/// `whole_pixels`: all tasks hold all channels of their pixels.
Pool2dPhases make_phases(const Pool2dShape& shape, Layout layout, Pool2dReads reads, const Pool2dKernelLimits& limits,
                         bool whole_pixels);

}  // namespace backgrad::plan
