#pragma once

#include <cstddef>
#include <cstdint>

/// What the pooling kernels are told. Plain structs, filled by plan/, read by kernels/.
///
/// For each element of grad_input kernels add the windows that cover it, in ascending order, and write it once; all but
/// one gather these, which scatters in scratch. A plan lists the covering windows of every input row and column, so
/// that stride, padding, dilation and the ends of the tensor cost no arithmetic in the loops. Indices are positions in
/// the (batch, channel) plane.
namespace backgrad::kernels {

/// Elements of scratch that a pooling kernel keeps on its stack for rows of windows; the plan sees to it that they fit.
inline constexpr std::int64_t pool2d_scratch_elements = 12 * 1024;

/// Rows of windows that a kernel can add up, and that any kernel can keep in its scratch.
inline constexpr int pool2d_max_rows = 32;

enum class MaximumSource { input, plane_indices, window_offsets };

/// The windows that cover each row (column) of grad_input: of row k these are windows[first[k]] to
/// windows[first[k + 1] - 1], ascending, and taps[...] is the row of the window that lies on it.
struct Covers {
    const std::int64_t* first;
    const std::int32_t* windows;
    const std::int32_t* taps;
};

/// Which elements of a source line the lanes of each vector of a destination line take, step by step:
/// see plan::GatherProgram.
struct GatherProgram {
    const std::int64_t* first_step;
    const std::int32_t* base;
    const std::uint32_t* loaded;
    const std::uint16_t* taken;
    const std::int64_t* key;
    const std::int32_t* pattern;
    const std::int32_t* relative;       ///< null: lane k takes element base + k
    std::int64_t steps;                 ///< of every vector; 0: they differ
    std::int64_t first_read, end_read;  ///< what whole vectors read of the source line: [first_read, end_read)
};

/// What a kernel that follows programs computes at once: a row of a plane from rows of windows, or `planes` small
/// planes as one run of elements. Tables are as long as the line, rounded up to vectors. Positions are those in the
/// plane without the row that a single-row line stands in. Rows of scratch have `margin` elements before their first
/// window and behind their last one, so that whole vectors may be loaded; `positions` has such margins too.
struct Pool2dLine {
    std::int64_t planes;              ///< 0: rows
    std::int64_t channels;            ///< elements of a pixel: several if planes are images of NHWC, else 1
    GatherProgram gather;             ///< of grad_input from windows
    GatherProgram maxima;             ///< of a row of windows from a row of input (source = input)
    const std::int32_t* positions;    ///< of the elements
    const std::int32_t* first_cells;  ///< column of each window's first cell inside the tensor (source = input)
    /// Where each window begins; the rows for source = window_offsets only, and for source = input one row of windows.
    const std::int32_t* window_rows;
    const std::int32_t* window_columns;
    std::int64_t scratch_rows;   ///< rows of windows in the scratch: row y stands in row y % scratch_rows
    std::int64_t scratch_pitch;  ///< elements of one row of scratch, with both margins
    std::int64_t margin;
};

/// Elements of scratch of each kind, and cells of a window in a row, that the kernels which cut rows into phases keep.
inline constexpr std::int64_t pool2d_phase_elements = 4 * 1024;
inline constexpr int pool2d_max_cells = 32;
inline constexpr int pool2d_max_stride = 4;
inline constexpr int pool2d_max_windows = 64;

/// Blocks of rows, cut into the rows and columns that are a multiple of the stride apart: see plan::Pool2dPhases.
/// Tables are rounded up to vectors.
struct Pool2dPhases {
    std::int64_t channels;  ///< elements of a pixel
    std::int64_t lowest_row, highest_row;
    const std::int32_t* positions;
    std::int64_t steps_per_block, pitch, margin;
    const std::int64_t *first_window, *windows;
    const std::int32_t *window_rows, *window_columns, *first_cells;
    const std::int64_t* cells;
    std::int64_t cell_pitch, cell_rows;
};

/// Elements of scratch that the kernel of strips keeps for windows and for cells of the input, with a margin that whole
/// vectors may read at either end.
inline constexpr std::int64_t pool2d_strip_windows = 4 * 1024;
inline constexpr std::int64_t pool2d_strip_cells = 8 * 1024;
inline constexpr std::int64_t pool2d_strip_margin = 40;

/// Rows that it adds, or writes past the caches unless they are whole cache lines, collect in a buffer first: of one
/// step at least.
inline constexpr int pool2d_strip_room_bytes = 32 * 1024;

/// Rows of pixels under the rows of windows that the kernel of tiles searches at once, the most rows of windows that it
/// keeps, and how many windows of a block of channels fit its scratch.
inline constexpr int pool2d_tile_rows = 4;
inline constexpr int pool2d_tile_window_rows = 6;
inline constexpr std::int64_t pool2d_tile_windows = 48 * 1024;

/// Pixels whose sums, and windows whose indices, the kernel of planes in scratch keeps of each of two planes.
inline constexpr std::int64_t pool2d_scatter_pixels = 4 * 1024;
inline constexpr std::int64_t pool2d_scatter_windows = 4 * 1024;

/// Blocks of rows of planes whose sums stand in scratch: see plan::Pool2dScatter. Tables are a vector longer than the
/// windows of a block.
struct Pool2dScatter {
    std::int64_t planes, rows;
    const std::int32_t *window_rows, *window_columns, *first_cells, *last_cells;
};

/// One pooling problem.
struct Pool2dProblem {
    std::int64_t input_elements, output_elements;  ///< of the whole tensors
    std::int64_t channels, in_height, in_width, out_height, out_width;
    std::int64_t window_height, window_width, stride_height, stride_width;
    std::int64_t padding_top, padding_left, dilation_height, dilation_width;
    Covers rows, columns;
    Pool2dLine line;                  ///< by lines
    Pool2dPhases phases;              ///< by phases
    Pool2dScatter scatter;            ///< by planes in scratch
    std::int64_t strip_steps;         ///< by strips: rows of windows at once
    std::int64_t strip_planes;        ///< likewise, planes at once where boxes hold whole planes
    std::int64_t cached_rows;         ///< NHWC with source = input: row y of windows stands in row y % cached_rows
    std::int64_t channels_per_block;  ///< NHWC with source = input: channels whose maxima fit the scratch
    std::int64_t columns_per_block;   ///< likewise, columns of grad_input
    MaximumSource source;
    bool accumulate;
    bool streaming;  ///< non-temporal stores
    bool fetching;   ///< what comes next is asked for: the tensors exceed the near caches
};

/// The part of grad_input that one task computes.
struct Pool2dBox {
    std::int64_t batch_begin, batch_end;
    std::int64_t channel_begin, channel_end;
    std::int64_t row_begin, row_end;
};

/// The tensors; those that a kernel does not read are null.
template <class T>
struct Pool2dTensors {
    const T* grad_output;
    const T* input;
    const std::int32_t* plane_indices;
    const std::uint8_t* window_offsets;
    /// Average: 1 / area of the windows of row y is reciprocals[y][x]; rows have `pool2d_strip_margin` zeros before
    /// and behind them.
    const T* const* reciprocals;
    const T* line_reciprocals;  ///< average by lines of planes: of all windows of the line
    T reciprocal;               ///< global average: 1 / (in_height * in_width)
    T* grad_input;
};

template <class T>
using Pool2dKernel = void (*)(const Pool2dProblem&, const Pool2dTensors<T>&, const Pool2dBox&) noexcept;

/// The pooling kernels of one ISA. `any` handles every problem of its layout, element by element; `separate`,
/// `pairs` and `whole_plane` that plan::simple_windows() says so; the others that the plan found lines, phases,
/// strips, planes in scratch, tiles or blocks that fit.
template <class T>
struct Pool2dKernels {
    int lanes;
    bool many_registers;  ///< enough for the best cells of a tile of rows with stride 1
    bool whole_lines;     ///< vectors are as long as cache lines, and their halves may belong to two planes
    Pool2dKernel<T> max_nchw, max_nhwc, max_any_nchw, max_any_nhwc;
    Pool2dKernel<T> max_phases, average_phases;  ///< either layout
    Pool2dKernel<T> max_strips_nchw, average_strips_nchw, max_input_row_tiles_nhwc;
    Pool2dKernel<T> max_scatter_nchw;  ///< not from the input
    Pool2dKernel<T> max_overlap_nhwc, average_overlap_nhwc;
    Pool2dKernel<T> max_row_tiles_nhwc, average_row_tiles_nhwc;  ///< not from the input
    Pool2dKernel<T> max_separate_nhwc;                           ///< source = input
    Pool2dKernel<T> max_pairs_nchw, average_pairs_nchw;
    Pool2dKernel<T> max_whole_plane_nchw, average_whole_plane_nchw;
    Pool2dKernel<T> average_nchw, average_nhwc, average_any_nchw;
    Pool2dKernel<T> global_average_nchw, global_average_nhwc;
};

}  // namespace backgrad::kernels
