#pragma once

#include <cstddef>
#include <cstdint>

/// What the pooling kernels are told. Plain structs, filled by plan/, read by kernels/.
///
/// All kernels gather: for each element of grad_input they add the windows that cover it, in ascending order, and
/// write it once. A plan lists the covering windows of every input row and column, so that stride, padding, dilation
/// and the ends of the tensor cost no arithmetic in the loops. Indices are positions in the (batch, channel) plane.
namespace backgrad::kernels {

/// Bytes of scratch that a pooling kernel keeps on its stack; the plan cuts blocks that fit.
inline constexpr std::size_t pool2d_scratch_bytes = 48 * 1024;

/// Scratch rows of windows that an NCHW kernel can hold at once.
inline constexpr int pool2d_max_rows = 32;

enum class MaximumSource { input, plane_indices, window_offsets };

/// The windows that cover each row (column) of grad_input: of row k these are windows[first[k]] to
/// windows[first[k + 1] - 1], ascending, and taps[...] is the row of the window that lies on it.
struct Covers {
    const std::int64_t* first;
    const std::int32_t* windows;
    const std::int32_t* taps;
};

/// How an NCHW kernel walks over a row of grad_input: in blocks of vectors, which read `pitch` windows from
/// first_window[block] on (windows outside the tensor count as zeros).
struct Pool2dColumns {
    std::int64_t vectors;            ///< of one row
    std::int64_t vectors_per_block;
    std::int64_t pitch;
    const std::int64_t* first_window;
    int slots;                       ///< most windows that cover one column
    /// Stride 1: slot s of a vector is `shift * s` windows after its first, lane by lane. Otherwise lane l of slot s
    /// takes window first_window + base[v * slots + s] + relative[(v * slots + s) * lanes + l], none if negative.
    bool shifted;
    std::int64_t shift;
    const std::int32_t* base;
    const std::int32_t* relative;
};

/// One pooling problem.
struct Pool2dProblem {
    std::int64_t channels, in_height, in_width, out_height, out_width;
    std::int64_t window_height, window_width, stride_height, stride_width;
    std::int64_t padding_top, padding_left, dilation_height, dilation_width;
    Covers rows, columns;
    Pool2dColumns vectors;                ///< NCHW kernels only
    std::int64_t cached_rows;             ///< scratch rows of windows: window y stands in y % cached_rows
    std::int64_t cached_input_rows;       ///< scratch rows of row maxima (source = input)
    std::int64_t channels_per_block;      ///< NHWC with source = input: channels whose maxima fit the scratch
    std::int64_t columns_per_block;       ///< likewise, columns of grad_input
    MaximumSource source;
    bool accumulate;
    bool streaming;                       ///< non-temporal stores
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
    const T* const* reciprocals;  ///< average: 1 / area of the windows of row y is reciprocals[y][x]
    T reciprocal;                 ///< global average: 1 / (in_height * in_width)
    T* grad_input;
};

template <class T>
using Pool2dKernel = void (*)(const Pool2dProblem&, const Pool2dTensors<T>&, const Pool2dBox&) noexcept;

/// The pooling kernels of one ISA. `any` handles every problem of its layout, element by element; the others ask that
/// the plan found a cut into blocks (`vectors`, `columns_per_block`).
template <class T>
struct Pool2dKernels {
    int lanes;
    Pool2dKernel<T> max_nchw, max_nhwc, max_any_nchw, max_any_nhwc;
    Pool2dKernel<T> average_nchw, average_nhwc, average_any_nchw;
    Pool2dKernel<T> global_average_nchw, global_average_nhwc;
};

}  // namespace backgrad::kernels
