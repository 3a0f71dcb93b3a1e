#pragma once

#include <cstddef>
#include <cstdint>

namespace backgrad::kernels {

/// Depthwise convolutions work on one *unit* at a time: one channel of an NCHW tensor, whose pixels are the lanes, or
/// `unit` neighbouring channels of an NHWC tensor, which are the lanes. A panel holds a window of a unit as
/// [row][column] or [row][column][unit], so that both layouts share every inner loop below. A vector that is shorter
/// than a unit goes over the panel several times, shifted by whole vectors.

/// A window of a tensor that becomes a panel, framed by zeros. Counts in pixels.
template <class T>
struct DepthwiseWindow {
    const T* from;  ///< the first pixel that lies in the tensor
    std::ptrdiff_t from_row, from_pixel;
    std::int64_t top, rows, bottom;
    std::int64_t left, columns, right;
    int channels;  ///< NHWC: of the unit; the lanes behind them are zero
    T* to;         ///< whole vectors are written, also behind the panel's end
};

/// A finished panel of grad_input, [row][column phase][phase_row]: column q + j * stride is element j of phase q.
template <class T>
struct DepthwiseResult {
    const T* from;
    std::ptrdiff_t from_row, phase_row;
    std::int64_t rows, columns, stride;
    int channels;  ///< NHWC: of the unit
    T* to;
    std::ptrdiff_t to_row, to_pixel;
    bool accumulate;  ///< to = to + from
    bool streaming;   ///< past the caches
};

/// Sums of products of grad_output and input, one per tap: sum[r][c] goes on with
///     grad_output[y * grad_output_row + s * grad_output_step + l]
///         * input[y * input_row + s * input_step + r * tap_row + tap_columns[c] + l]
/// for rows y, steps s, in this order, in lane l. One more step has `tail` lanes only.
template <class T>
struct DepthwiseSums {
    const T* grad_output;
    std::ptrdiff_t grad_output_row, grad_output_step;
    const T* input;
    std::ptrdiff_t input_row, input_step;
    std::ptrdiff_t tap_row;
    const std::ptrdiff_t* tap_columns;
    std::int64_t rows, steps;
    int tail;
};

/// Rows of grad_input. Row t, vector v, lane l is the chain over tap row m, then tap column c, of
///     grad_output[(t - m) * row + v * vector - c * tap_column + l] * weights[m * weight_row + c * weight_column (+ l)].
/// `row_tiles` tiles of rows are computed; the number of kernel rows is at least the rows of a tile.
template <class T>
struct DepthwiseTiles {
    const T* grad_output;
    std::ptrdiff_t row, vector, tap_column;
    const T* weights;
    std::ptrdiff_t weight_row, weight_column;
    std::int64_t kernel_rows, kernel_columns;
    T* output;
    std::ptrdiff_t output_row, output_vector;
    std::int64_t row_tiles;
};

/// Channels of an NHWC unit, and chains of an NCHW sum.
template <class T>
constexpr int depthwise_unit = 64 / sizeof(T);

/// Panels from and to tensors.
template <class T>
struct DepthwisePanelKernels {
    void (*read_pixels)(const DepthwiseWindow<T>&) noexcept;    ///< NCHW; from_pixel is 1
    void (*read_channels)(const DepthwiseWindow<T>&) noexcept;  ///< NHWC
    /// Splits rows of an NCHW panel into column phases: to[row][q][j] = from[row][q + j * stride], j < phase_row. Reads
    /// up to a vector beyond from[row][phase_row * stride].
    void (*split)(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t stride,
                  std::int64_t phase_row, T* to) noexcept;
    void (*write_pixels)(const DepthwiseResult<T>&) noexcept;    ///< NCHW; to_pixel is 1
    void (*write_channels)(const DepthwiseResult<T>&) noexcept;  ///< NHWC
};

/// Sums of `rows` x `columns` taps; state is [tap row][tap column][unit] with state_row between tap rows.
template <class T>
struct DepthwiseSumKernels {
    static constexpr int max_rows = 8, max_columns = 8;
    using Function = void (*)(const DepthwiseSums<T>&, T* state, std::ptrdiff_t state_row) noexcept;

    Function function[max_rows + 1][max_columns + 1];  ///< null where the accumulators do not fit
};

/// Tiles of `rows` rows of grad_input x `vectors` vectors.
template <class T>
struct DepthwiseTileKernels {
    static constexpr int max_rows = 8, max_vectors = 6;
    using Function = void (*)(const DepthwiseTiles<T>&) noexcept;

    Function scalar_weights[max_rows + 1][max_vectors + 1];  ///< NCHW; null where the accumulators do not fit
    Function vector_weights[max_rows + 1][max_vectors + 1];  ///< NHWC
};

/// The kernels of depthwise convolutions for one ISA.
template <class T>
struct DepthwiseKernels {
    const DepthwisePanelKernels<T>* panel;
    const DepthwiseSumKernels<T>* sum;
    const DepthwiseTileKernels<T>* tile;
};

}  // namespace backgrad::kernels
