#pragma once

#include "kernels/prefetch_queue.hpp"

#include <cstddef>
#include <cstdint>

namespace backgrad::kernels {

/// Depthwise convolutions work on one *unit* at a time: as many neighbouring channels as a vector has lanes. Whatever
/// the layout, panels [row][column][unit] hold the rows that are worked on.
///
/// Convolutions of narrow groups, of 2, 4 or 8 channels, are depthwise ones whose lanes, channels of the input, meet
/// every channel of grad_output in their group. A unit is some whole groups that share a vector, or one group that
/// fills one vector or more.

/// One axis of an image, as a row of taps meets it.
struct DepthwiseColumns {
    std::ptrdiff_t pixel;  ///< elements from a column to the next
    std::int64_t size;     ///< columns outside [0, size) do not exist: they read as zero
    std::int64_t first;    ///< column of output 0, tap 0
    std::int64_t step;     ///< from an output to the next
    std::int64_t tap;      ///< from a tap to the next
};

/// Sums of products of grad_output and input, one per tap: sum[r][c] goes on with
///     grad_output[y * grad_output_row + x * grad_output_pixel] * input(row y * input_row + r * tap_row, output x, tap
///     c)
/// for y in [0, rows), x in [begin, end), in this order. Outputs [inner_begin, inner_end) of each row find all their
/// taps in the image. grad_output is finite.
template <class T>
struct DepthwiseSums {
    const T* grad_output;
    std::ptrdiff_t grad_output_row, grad_output_pixel;
    const T* input;
    std::ptrdiff_t input_row, tap_row;
    DepthwiseColumns columns;
    std::int64_t rows;
    std::int64_t begin, end, inner_begin, inner_end;
};

template <class T>
struct DepthwiseSumKernels {
    static constexpr int max_rows = 8, max_columns = 8;
    /// state is [tap row][tap column][unit] with state_row between tap rows.
    using Function = void (*)(const DepthwiseSums<T>&, T* state, std::ptrdiff_t state_row, T* bias) noexcept;

    /// Null where the accumulators do not fit. `with_bias` goes on with the sums of grad_output, bias[unit], too.
    Function function[max_rows + 1][max_columns + 1], with_bias[max_rows + 1][max_columns + 1];
};

/// The same sums for narrow groups, of one vector of the unit: one per tap and channel of grad_output, some of each.
template <class T>
struct GroupSums {
    DepthwiseSums<T> taps;  ///< grad_output is the vector's or, where a group fills vectors, that of channel `first`
    std::int64_t group, first;  ///< channels of a group, and the first of those that are taken
    std::ptrdiff_t own;         ///< from grad_output to the channels of the vector
    std::ptrdiff_t state_row, state_column, state_channel;
    PrefetchQueue<T>* prefetch;  ///< a line per output with all its taps on the side
};

/// Null where the accumulators do not fit. `state` holds vectors; with_bias goes on with the sums of grad_output, too.
template <class T>
struct GroupSumKernels {
    static constexpr int max_rows = 3, max_columns = 3, few = 2, many = 4;
    using Function = void (*)(const GroupSums<T>&, T* state, T* bias) noexcept;
    using Table = Function[max_rows + 1][max_columns + 1][2];  ///< [tap rows][tap columns][with_bias]

    /// Few or many channels of groups that share a vector, or fill one.
    Table few_shared, many_shared, few_filled, many_filled;
};

/// The same sums for some neighbouring rows of outputs straight from NHWC: output by output along the rows, and for
/// each one row after the other.
template <class T>
struct DepthwiseRowSums {
    const T* grad_output;  ///< output 0 of the first row
    std::ptrdiff_t grad_output_row, grad_output_pixel;
    const T* input;  ///< column 0 of the row that tap row 0 meets there
    std::ptrdiff_t input_row, input_pixel;
    std::int64_t columns;  ///< of input
    std::int64_t first;    ///< column of output 0, tap column 0
    std::int64_t rows, outputs;
    std::int64_t inner_begin, inner_end;  ///< the outputs all whose tap columns exist
    std::uint32_t input_exists;           ///< a bit for each row of input from the first tap row on
    int channels;                         ///< of the unit
    bool far;                             ///< the tensors exceed the near caches: what comes next is asked for
};

template <class T>
struct DepthwiseRowKernels {
    static constexpr int max_stride = 2, max_extent = 3;
    static constexpr int max_rows[max_stride] = {4, 2};  ///< of outputs, for each stride
    /// `state` is [tap][unit].
    using Function = void (*)(const DepthwiseRowSums<T>&, T* state, T* bias) noexcept;

    /// [stride - 1][kernel rows / 2][kernel columns / 2][rows - 1][guarded], null beyond max_rows; the others need all
    /// channels of a unit and all rows of input.
    Function function[max_stride][max_extent / 2 + 1][max_extent / 2 + 1][4][2];
    void (*bias)(const DepthwiseRowSums<T>&, T* bias) noexcept;
};

/// Some columns of grad_output in the lanes of 64 bytes, and the columns of input that meet them: lane k is column
/// `origin` + k of grad_output. Input is seen as `stride` phases: lane k of phase f is column (origin + k) * stride +
/// f.
struct DepthwisePlaneBlock {
    static constexpr int max_columns = 7;
    std::int64_t origin;
    std::uint32_t own;                ///< the lanes whose columns belong to the block
    std::uint32_t taps[max_columns];  ///< the lanes of input that meet one of them at a tap
    /// Elements of a row that exist from lane 0 and from the middle lane on, at most as many as half the lanes need.
    std::int32_t grad_output_elements[2], input_elements[2];
};

/// The same sums straight from NCHW planes, for kernels with a centre: lanes are columns, sum[r][c] has a chain per
/// lane and goes on with grad_output * input, block by block of columns, each with image by image and row by row. A
/// lane belongs to the column of input. Rows of two images share the lanes where a row is short enough.
template <class T>
struct DepthwisePlanes {
    const T* grad_output;  ///< column 0 of the first row
    const T* input;        ///< column 0 of the row that the centre of the kernel meets there
    std::ptrdiff_t grad_output_row, input_row;
    std::ptrdiff_t grad_output_half, input_half;    ///< from lane 0 to the middle lane
    std::ptrdiff_t grad_output_image, input_image;  ///< to the next image or pair of images
    std::int64_t images, rows;
    std::int64_t first_input_row, input_rows;  ///< the number of the row at `input`, and how many there are
    const DepthwisePlaneBlock* blocks;
    std::int64_t block_count;
    std::uint32_t lanes;                            ///< bits of the lanes that are in use
    std::ptrdiff_t grad_output_ahead, input_ahead;  ///< to what is read next
};

template <class T>
struct DepthwisePlaneKernels {
    static constexpr int chains = 64 / sizeof(T), max_stride = 2, max_extent = 7;
    /// `state` is [tap][chain], then the chains of the bias.
    using Function = void (*)(const DepthwisePlanes<T>&, T* state) noexcept;

    /// [stride - 1][rows / 2][columns / 2][guarded], null where the accumulators do not fit; `guarded` reads no element
    /// that does not exist, the others read some behind the ends of rows.
    Function function[max_stride][max_extent / 2 + 1][max_extent / 2 + 1][2];
    Function bias[2];  ///< [guarded]: of the bias alone, as the only element of `state`
    /// Joins the chains of one vector of channels by the fixed tree (i + 8, i + 4, i + 2, i + 1): sums[k] is that of
    /// sum k, `count` of them per channel.
    void (*join)(const T* state, std::int64_t count, T* sums) noexcept;
};

/// Rows of one channel of grad_input straight from its plane of grad_output (NCHW, kernels with a centre): columns
/// [first * stride, first * stride + count), `lanes` of them per phase at most. Lane k of a row of grad_output is
/// column first - offset + k.
template <class T>
struct DepthwisePlaneInput {
    const T* grad_output;  ///< lane 0 of row 0
    std::ptrdiff_t grad_output_row;
    std::int64_t grad_output_rows;
    const T* weights;  ///< finite; a tap every `weight_step` elements
    std::ptrdiff_t weight_step;
    T* output;  ///< the first column of row first_row * stride
    std::ptrdiff_t output_row;
    std::int64_t first_row, rows;          ///< rows of grad_input
    std::int32_t offset, elements, count;  ///< elements of a row of grad_output that exist from lane 0 on
    std::uint32_t exists[7];  ///< for each distance from the lowest on, the lanes whose column of grad_output exists
    bool accumulate;
    std::ptrdiff_t ahead;  ///< from a row of grad_output to what is read next
};

template <class T>
struct DepthwisePlaneInputKernels {
    static constexpr int max_stride = 2, max_extent = 7;
    using Function = void (*)(const DepthwisePlaneInput<T>&) noexcept;

    /// As in DepthwisePlaneKernels; null where panels are faster.
    Function function[max_stride][max_extent / 2 + 1][max_extent / 2 + 1][2];
    /// Copies `count` elements past the caches, which begin equally far from a cache line. The caller fences.
    void (*stream)(const T* from, std::int64_t count, T* to) noexcept;
};

/// Rows of grad_input straight from NHWC's grad_output, all channels of a pixel one after the other: sums over tap
/// rows, then tap columns, of the terms that exist.
template <class T>
struct DepthwiseRowInput {
    const T* grad_output;  ///< of row 0
    std::ptrdiff_t grad_output_row, grad_output_pixel;
    std::int64_t grad_output_rows, grad_output_columns;
    const T* weights;  ///< [unit][tap][channel], `weight_unit` elements from a unit of a vector to the next
    std::ptrdiff_t weight_unit;
    T* output;  ///< of row first_row
    std::ptrdiff_t output_row, output_pixel;
    std::int64_t first_row, rows, columns, channels;
    std::int64_t kernel_rows, stride_rows, dilation_rows, padding_top, padding_left;
    bool accumulate, streaming;
    bool far;  ///< the tensors exceed the near caches: what comes next is asked for
};

template <class T>
struct DepthwiseRowInputKernels {
    static constexpr int max_stride = 2, max_columns = 7, max_rows = 16;  ///< of the kernel; odd columns from 3 on
    using Function = void (*)(const DepthwiseRowInput<T>&) noexcept;

    Function function[max_stride][max_columns / 2];  ///< [stride - 1][columns / 2 - 1]
};

/// Rows of grad_input that share rows of grad_output. Row t, pixel v is the chain over tap row m, then tap column c, of
///     grad_output(row first_row + (t - m) * row_step, output v, tap c) * weights[m * weight_row + c * weight_column]
/// where rows outside [0, size) do not exist and columns beside the image are zeros in memory. The weights are finite.
template <class T>
struct DepthwiseTiles {
    const T* grad_output;
    std::ptrdiff_t row;  ///< elements from a row to the next
    std::int64_t size, first_row, row_step;
    std::ptrdiff_t pixel;                   ///< elements from a column to the next
    std::int64_t first_column, column_tap;  ///< column of output 0, tap 0, and from a tap to the next
    const T* weights;
    std::ptrdiff_t weight_row, weight_column;
    std::int64_t kernel_rows, kernel_columns;
    /// For narrow groups only: channels of grad_output that a lane meets, in each tap row one after the other.
    std::int64_t group;
    std::ptrdiff_t weight_channel;
    PrefetchQueue<T>* prefetch;  ///< a line per channel and row on the side
    T* output;
    std::ptrdiff_t output_row, output_pixel;
    std::int64_t tiles;  ///< of the function's rows, one below the other
};

/// Tiles of `rows` rows x `pixels` pixels; the kernel has at least `rows` rows.
template <class T>
struct DepthwiseTileKernels {
    static constexpr int max_rows = 8, max_pixels = 8;
    using Function = void (*)(const DepthwiseTiles<T>&) noexcept;

    int rows_limit[max_pixels + 1];
    Function function[max_rows + 1][max_pixels + 1];  ///< null beyond rows_limit
};

/// The same for narrow groups, which meet channel by channel in each tap row: rows of one vector of the unit.
template <class T>
struct GroupTileKernels {
    static constexpr int max_window = 3, max_rows = 3, max_pixels = 8;
    using Function = typename DepthwiseTileKernels<T>::Function;
    /// [window][rows][pixels]: window 2 or 3 is for so many tap columns that are neighbours, column_tap = -1; window 0
    /// for any.
    using Table = Function[max_window + 1][max_rows + 1][max_pixels + 1];

    int rows_limit[max_pixels + 1];
    Table shared, filled;  ///< groups that share a vector, or fill one
};

/// The panels of some units: `panel` elements from one to the next, and `unit` channels in each pixel.
struct DepthwisePanels {
    std::ptrdiff_t panel;
    std::int64_t unit;
};

/// Rows of a panel: behind so many pixels `margin` elements that no pixel of the tensor goes to.
struct DepthwisePanelRows {
    std::int64_t width;
    std::ptrdiff_t margin;
};

/// Copies between tensors and panels, [pixel][unit]. A unit may have fewer channels than lanes: the others are zero in
/// a panel and not touched in a tensor.
template <class T>
struct DepthwisePanelKernels {
    /// One vector of channels from NCHW to pixels `to_pixel` apart; `channel` is the distance of its planes.
    void (*read_planes)(const T* from, std::ptrdiff_t channel, int channels, std::int64_t pixels, T* to,
                        std::ptrdiff_t to_pixel, const DepthwisePanelRows& rows) noexcept;
    /// From NHWC; `pixel` is the distance of its pixels. The channels of each pixel go to several units: memory is
    /// read in order.
    void (*read_pixels)(const T* from, std::ptrdiff_t pixel, std::int64_t channels, std::int64_t pixels, T* to,
                        const DepthwisePanels& panels, const DepthwisePanelRows& rows) noexcept;
    /// One vector of channels to NCHW, past the caches where the planes' alignment allows it. The caller fences.
    void (*write_planes)(const T* from, std::ptrdiff_t from_pixel, int channels, std::int64_t pixels, T* to,
                         std::ptrdiff_t channel, bool accumulate, bool streaming) noexcept;
    /// To NHWC, likewise.
    void (*write_pixels)(const T* from, const DepthwisePanels& panels, std::int64_t channels, std::int64_t pixels,
                         T* to, std::ptrdiff_t pixel, bool accumulate, bool streaming) noexcept;
    bool (*all_finite)(const T* values, std::int64_t count) noexcept;
};

/// The kernels of depthwise convolutions for one ISA.
template <class T>
struct DepthwiseKernels {
    const DepthwisePanelKernels<T>* panel;
    const DepthwisePlaneKernels<T>* plane;
    const DepthwisePlaneInputKernels<T>* plane_input;
    const DepthwiseRowKernels<T>* row;
    const DepthwiseRowInputKernels<T>* row_input;
    const DepthwiseSumKernels<T>* sum;
    const DepthwiseTileKernels<T>* tile;
    const GroupSumKernels<T>* group_sum;
    const GroupTileKernels<T>* group_tile;
};

}  // namespace backgrad::kernels
