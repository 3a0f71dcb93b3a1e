#pragma once

#include <backgrad/pool2d.hpp>
#include <backgrad/strategy.hpp>
#include <backgrad/types.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace backgrad::plan {

/// The windows that cover each row (or column) of the input: of row k these are windows[first[k]] to
/// windows[first[k + 1] - 1], ascending, and taps[...] tells which row of the window lies on it.
struct Pool2dCovers {
    std::vector<std::int64_t> first;
    std::vector<std::int32_t> windows;
    std::vector<std::int32_t> taps;

    std::int64_t size() const { return static_cast<std::int64_t>(first.size()) - 1; }
    /// The most windows that lie between the first and the last that cover any of `rows` rows side by side, both
    /// included.
    std::int64_t span(std::int64_t rows = 1) const;
};

/// One axis of a pooling.
struct Pool2dAxis {
    std::int64_t in = 0, out = 0, window = 1, stride = 1, padding = 0, dilation = 1;

    /// Cells of a window inside the input.
    std::int64_t cells(std::int64_t window_index) const;
};

Pool2dAxis height_axis(const Pool2dShape& shape);
Pool2dAxis width_axis(const Pool2dShape& shape);
Pool2dCovers make_covers(const Pool2dAxis& axis);

/// What a pooling reads beside the gradients of the windows.
enum class Pool2dReads { nothing, plane_indices, window_offsets, input };

/// Windows for which there are kernels that need no further plan.
enum class Pool2dSimpleWindows {
    none,
    separate,     ///< NHWC from the input, of many channels: no window meets another
    pairs,        ///< NCHW: 2 x 2 without padding, side by side
    whole_plane,  ///< NCHW: one that covers the whole plane
};

Pool2dSimpleWindows simple_windows(const Pool2dShape& shape, Layout layout, Pool2dReads reads);

/// What a kernel offers.
struct Pool2dKernelLimits {
    int lanes;
    std::int64_t scratch_elements;  ///< for positions of maxima
    std::int64_t max_rows;          ///< rows of windows at once
    std::int64_t phase_elements;    ///< of scratch where rows are cut into phases
    std::int64_t max_cells;         ///< of a window in a row, likewise
    std::int64_t max_stride;        ///< likewise
    std::int64_t max_windows;       ///< that cover a pixel, likewise
    std::int64_t strip_windows;     ///< of scratch where planes are cut into strips
    std::int64_t strip_cells;       ///< of the input, likewise
    std::int64_t strip_room;        ///< of the rows of one step, likewise
    std::int64_t scatter_pixels;    ///< of a block of rows whose sums stand in scratch
    std::int64_t scatter_windows;   ///< likewise
    bool many_registers;            ///< to search several rows of windows with stride 1
    bool whole_lines;               ///< vectors are as long as cache lines, and their halves may belong to two planes
    std::int64_t tile_windows;      ///< of scratch in each row of windows where several are searched at once
};

/// NHWC from the input: blocks whose maxima fit the scratch.
struct Pool2dBlocks {
    bool fits = false;  ///< else only the element-wise kernel can do it
    std::int64_t channels = 1;
    std::int64_t columns = 1;  ///< of grad_input
};

Pool2dBlocks make_blocks(const Pool2dShape& shape, const Pool2dCovers& rows, const Pool2dCovers& columns,
                         const Pool2dKernelLimits& limits);

/// NCHW: rows of overlapping windows that a kernel which keeps their sums in registers computes at once, strip by
/// strip; 0 if there is no such kernel or other kernels are faster. `whole_planes`: all tasks hold whole planes.
std::int64_t strip_steps(const Pool2dShape& shape, Pool2dReads reads, const Pool2dKernelLimits& limits,
                         bool whole_planes);

/// Likewise, planes that share strips: 2 where the rows of one fill at most half of a strip.
std::int64_t strip_planes(const Pool2dShape& shape, Pool2dReads reads, const Pool2dKernelLimits& limits,
                          bool whole_planes);

/// NHWC from the input: channels of such windows whose maxima fit the scratch of the kernel that searches several rows
/// of windows at once; 0 likewise.
std::int64_t tile_channels(const Pool2dShape& shape, Pool2dReads reads, const Pool2dKernelLimits& limits);

/// NHWC from anything but the input: whether there is a kernel for such windows that computes several pixels of a row
/// at once, and it is the fastest.
bool has_row_tiles(const Pool2dShape& shape, Pool2dReads reads, const Pool2dCovers& rows,
                   const Pool2dKernelLimits& limits);

/// NHWC without dilation: channels whose windows, and rows of the input from which their maxima are found, fit the
/// scratch at full width; less than a vector if the windows are too large.
std::int64_t overlap_channels(const Pool2dShape& shape, Pool2dReads reads, const Pool2dCovers& rows,
                              const Pool2dKernelLimits& limits);

/// A part of grad_input: images, channels and rows [begin, end).
struct Pool2dTask {
    std::int64_t batch_begin, batch_end;
    std::int64_t channel_begin, channel_end;
    std::int64_t row_begin, row_end;
};

/// Where tasks may cut between rows: at multiples of `step`, at least `least` apart.
struct Pool2dRowCuts {
    std::int64_t step = 1, least = 1;
};

/// Tasks that search their windows search those that they share with their neighbours, too: these should be few.
Pool2dRowCuts row_cuts(const Pool2dShape& shape, Pool2dReads reads);

/// The tasks of a pooling whose grad_input has these sizes; every element belongs to exactly one. For NCHW, automatic
/// sees batch and channels as one run of planes: the tasks count images as 0 to 1 and planes as channels.
std::vector<Pool2dTask> make_tasks(std::int64_t batch, std::int64_t channels, std::int64_t height, std::int64_t width,
                                   Layout layout, std::size_t element_bytes, Partition partition,
                                   const Pool2dRowCuts& row_cuts = {});

}  // namespace backgrad::plan
