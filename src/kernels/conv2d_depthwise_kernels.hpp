#pragma once

#include <cstddef>
#include <cstdint>

namespace backgrad::kernels {

/// Depthwise convolutions work on one *unit* at a time: as many neighbouring channels as a vector has lanes. Whatever
/// the layout, panels [row][column][unit] hold the rows that are worked on.

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

/// Rows of grad_input that share rows of grad_output. Row t, pixel v is the chain over tap row m, then tap column c, of
///     grad_output(row first_row + (t - m) * row_step, output v, tap c) * weights[m * weight_row + c * weight_column]
/// where rows outside [0, size) do not exist. The weights are finite.
template <class T>
struct DepthwiseTiles {
    const T* grad_output;
    std::ptrdiff_t row;  ///< elements from a row to the next
    std::int64_t size, first_row, row_step;
    DepthwiseColumns columns;
    const T* weights;
    std::ptrdiff_t weight_row, weight_column;
    std::int64_t kernel_rows, kernel_columns;
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
    /// Null beyond rows_limit. In `inner` every column exists.
    Function inner[max_rows + 1][max_pixels + 1], border[max_rows + 1][max_pixels + 1];
};

/// Copies between tensors and panels, [pixel][unit]. A unit may have fewer channels than lanes: the others are zero in
/// a panel and not touched in a tensor.
template <class T>
struct DepthwisePanelKernels {
    /// From NCHW; `channel` is the distance of its planes.
    void (*read_planes)(const T* from, std::ptrdiff_t channel, int channels, std::int64_t pixels, T* to) noexcept;
    /// From NHWC; `pixel` is the distance of its pixels. The channels of each pixel go to several units, whose panels
    /// are `panel` apart: memory is read in order.
    void (*read_pixels)(const T* from, std::ptrdiff_t pixel, std::int64_t channels, std::int64_t pixels, T* to,
                        std::ptrdiff_t panel) noexcept;
    /// To NCHW, past the caches where the planes' alignment allows it.
    void (*write_planes)(const T* from, int channels, std::int64_t pixels, T* to, std::ptrdiff_t channel,
                         bool accumulate, bool streaming) noexcept;
    /// To NHWC, likewise.
    void (*write_pixels)(const T* from, std::ptrdiff_t panel, std::int64_t channels, std::int64_t pixels, T* to,
                         std::ptrdiff_t pixel, bool accumulate, bool streaming) noexcept;
    bool (*all_finite)(const T* values, std::int64_t count) noexcept;
};

/// The kernels of depthwise convolutions for one ISA.
template <class T>
struct DepthwiseKernels {
    const DepthwisePanelKernels<T>* panel;
    const DepthwiseSumKernels<T>* sum;
    const DepthwiseTileKernels<T>* tile;
};

}  // namespace backgrad::kernels
