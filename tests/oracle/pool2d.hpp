#pragma once

#include "oracle/layout.hpp"

#include <backgrad/pool2d.hpp>

#include <cstdint>
#include <vector>

/// Poolings and their gradients as their definitions read, in double, for T = float or double.
namespace backgrad::oracle {

/// The tensors of a pooling.
Tensor4d input_tensor(const Pool2dShape& shape, Layout layout);
Tensor4d output_tensor(const Pool2dShape& shape, Layout layout);
Tensor4d input_tensor(const GlobalAvgPool2dShape& shape, Layout layout);

/// Where a window has its maximum; row and column are -1 for a window without cells.
struct Maximum {
    std::int64_t row = -1, column = -1;                ///< in the plane
    std::int64_t window_row = -1, window_column = -1;  ///< in the window
};

/// The first maximum of window (y, x) in row-major order; a NaN counts as the maximum, the first NaN wins.
template <class T>
Maximum max_pool2d_maximum_at(const Pool2dShape& shape, Layout layout, const T* input, std::int64_t n, std::int64_t c,
                              std::int64_t y, std::int64_t x);

/// What a forward pass would save, in the layout of grad_output. A window without cells gets -1 and 255.
template <class T>
std::vector<std::int32_t> max_pool2d_plane_indices(const Pool2dShape& shape, Layout layout, const T* input);
template <class T>
std::vector<std::uint8_t> max_pool2d_window_offsets(const Pool2dShape& shape, Layout layout, const T* input);

/// Forward passes, for finite differences. A window without cells gives 0.
std::vector<double> max_pool2d_forward(const Pool2dShape& shape, Layout layout, const double* input);
std::vector<double> avg_pool2d_forward(const Pool2dShape& shape, Layout layout, AveragePadding padding,
                                       const double* input);

/// grad_input[n, c, Y, X] of max pooling, from the input.
template <class T>
double max_pool2d_grad_input_at(const Pool2dShape& shape, Layout layout, const T* grad_output, const T* input,
                                std::int64_t n, std::int64_t c, std::int64_t row, std::int64_t column);
template <class T>
std::vector<double> max_pool2d_backward(const Pool2dShape& shape, Layout layout, const T* grad_output, const T* input);

/// grad_input[n, c, Y, X] of average pooling.
template <class T>
double avg_pool2d_grad_input_at(const Pool2dShape& shape, Layout layout, AveragePadding padding, const T* grad_output,
                                std::int64_t n, std::int64_t c, std::int64_t row, std::int64_t column);
template <class T>
std::vector<double> avg_pool2d_backward(const Pool2dShape& shape, Layout layout, AveragePadding padding,
                                        const T* grad_output);

/// grad_input[n, c, Y, X] of global average pooling; the local derivative where grad_output is null.
template <class T>
double global_avg_pool2d_grad_input_at(const GlobalAvgPool2dShape& shape, const T* grad_output, std::int64_t n,
                                       std::int64_t c);
template <class T>
std::vector<double> global_avg_pool2d_backward(const GlobalAvgPool2dShape& shape, Layout layout, const T* grad_output);

}  // namespace backgrad::oracle
