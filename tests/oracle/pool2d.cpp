#include "oracle/pool2d.hpp"

#include <cmath>

namespace backgrad::oracle {
namespace {

/// Calls visit(row, column, window_row, window_column) for each cell of window (y, x) inside the input, row-major.
template <class Visit>
void for_each_cell(const Pool2dShape& s, std::int64_t y, std::int64_t x, const Visit& visit) {
    for (std::int64_t r = 0; r < s.window_height; ++r)
        for (std::int64_t c = 0; c < s.window_width; ++c) {
            const std::int64_t row = y * s.stride_height - s.padding_top + r * s.dilation_height;
            const std::int64_t column = x * s.stride_width - s.padding_left + c * s.dilation_width;
            if (0 <= row && row < s.in_height && 0 <= column && column < s.in_width) visit(row, column, r, c);
        }
}

/// Calls visit(n, c, y, x) for each element of a tensor.
template <class Visit>
void for_each_element(const Tensor4d& tensor, const Visit& visit) {
    for (std::int64_t n = 0; n < tensor.batch; ++n)
        for (std::int64_t c = 0; c < tensor.channels; ++c)
            for (std::int64_t y = 0; y < tensor.height; ++y)
                for (std::int64_t x = 0; x < tensor.width; ++x) visit(n, c, y, x);
}

/// Calls visit(y, x, window_row, window_column) for each window that covers a pixel, ascending.
template <class Visit>
void for_each_window_of(const Pool2dShape& s, std::int64_t row, std::int64_t column, const Visit& visit) {
    for (std::int64_t y = 0; y < s.out_height(); ++y) {
        const std::int64_t down = row + s.padding_top - y * s.stride_height, r = down / s.dilation_height;
        if (down < 0 || down % s.dilation_height != 0 || r >= s.window_height) continue;
        for (std::int64_t x = 0; x < s.out_width(); ++x) {
            const std::int64_t right = column + s.padding_left - x * s.stride_width, c = right / s.dilation_width;
            if (right < 0 || right % s.dilation_width != 0 || c >= s.window_width) continue;
            visit(y, x, r, c);
        }
    }
}

std::int64_t area(const Pool2dShape& shape, AveragePadding padding, std::int64_t y, std::int64_t x) {
    if (padding == AveragePadding::include) return shape.window_height * shape.window_width;
    std::int64_t cells = 0;
    for_each_cell(shape, y, x, [&](auto...) { ++cells; });
    return cells;
}

}  // namespace

Tensor4d input_tensor(const Pool2dShape& s, Layout layout) {
    return {layout, s.batch, s.channels, s.in_height, s.in_width};
}

Tensor4d output_tensor(const Pool2dShape& s, Layout layout) {
    return {layout, s.batch, s.channels, s.out_height(), s.out_width()};
}

Tensor4d input_tensor(const GlobalAvgPool2dShape& s, Layout layout) {
    return {layout, s.batch, s.channels, s.in_height, s.in_width};
}

template <class T>
Maximum max_pool2d_maximum_at(const Pool2dShape& shape, Layout layout, const T* input, std::int64_t n, std::int64_t c,
                              std::int64_t y, std::int64_t x) {
    const Tensor4d tensor = input_tensor(shape, layout);
    Maximum maximum;
    T best = 0;
    for_each_cell(shape, y, x, [&](std::int64_t row, std::int64_t column, std::int64_t r, std::int64_t s) {
        const T value = input[tensor.offset(n, c, row, column)];
        const bool greater = value > best || (std::isnan(value) && !std::isnan(best));
        if (maximum.row >= 0 && !greater) return;
        maximum = {row, column, r, s};
        best = value;
    });
    return maximum;
}

template <class T>
std::vector<std::int32_t> max_pool2d_plane_indices(const Pool2dShape& shape, Layout layout, const T* input) {
    const Tensor4d output = output_tensor(shape, layout);
    std::vector<std::int32_t> indices(output.elements());
    for_each_element(output, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
        const Maximum m = max_pool2d_maximum_at(shape, layout, input, n, c, y, x);
        indices[output.offset(n, c, y, x)] =
            m.row < 0 ? -1 : static_cast<std::int32_t>(m.row * shape.in_width + m.column);
    });
    return indices;
}

template <class T>
std::vector<std::uint8_t> max_pool2d_window_offsets(const Pool2dShape& shape, Layout layout, const T* input) {
    const Tensor4d output = output_tensor(shape, layout);
    std::vector<std::uint8_t> offsets(output.elements());
    for_each_element(output, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
        const Maximum m = max_pool2d_maximum_at(shape, layout, input, n, c, y, x);
        offsets[output.offset(n, c, y, x)] =
            m.row < 0 ? 255 : static_cast<std::uint8_t>(m.window_row * shape.window_width + m.window_column);
    });
    return offsets;
}

std::vector<double> max_pool2d_forward(const Pool2dShape& shape, Layout layout, const double* input) {
    const Tensor4d in = input_tensor(shape, layout), out = output_tensor(shape, layout);
    std::vector<double> output(out.elements());
    for_each_element(out, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
        const Maximum m = max_pool2d_maximum_at(shape, layout, input, n, c, y, x);
        output[out.offset(n, c, y, x)] = m.row < 0 ? 0 : input[in.offset(n, c, m.row, m.column)];
    });
    return output;
}

std::vector<double> avg_pool2d_forward(const Pool2dShape& shape, Layout layout, AveragePadding padding,
                                       const double* input) {
    const Tensor4d in = input_tensor(shape, layout), out = output_tensor(shape, layout);
    std::vector<double> output(out.elements());
    for_each_element(out, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
        double sum = 0;
        for_each_cell(shape, y, x, [&](std::int64_t row, std::int64_t column, std::int64_t, std::int64_t) {
            sum += input[in.offset(n, c, row, column)];
        });
        const std::int64_t cells = area(shape, padding, y, x);
        output[out.offset(n, c, y, x)] = cells == 0 ? 0 : sum / static_cast<double>(cells);
    });
    return output;
}

template <class T>
double max_pool2d_grad_input_at(const Pool2dShape& shape, Layout layout, const T* grad_output, const T* input,
                                std::int64_t n, std::int64_t c, std::int64_t row, std::int64_t column) {
    const Tensor4d output = output_tensor(shape, layout);
    double sum = 0;
    for_each_window_of(shape, row, column, [&](std::int64_t y, std::int64_t x, std::int64_t, std::int64_t) {
        const Maximum m = max_pool2d_maximum_at(shape, layout, input, n, c, y, x);
        if (m.row == row && m.column == column) sum += grad_output[output.offset(n, c, y, x)];
    });
    return sum;
}

template <class T>
std::vector<double> max_pool2d_backward(const Pool2dShape& shape, Layout layout, const T* grad_output, const T* input) {
    const Tensor4d in = input_tensor(shape, layout), out = output_tensor(shape, layout);
    std::vector<double> grad_input(in.elements());
    for_each_element(out, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
        const Maximum m = max_pool2d_maximum_at(shape, layout, input, n, c, y, x);
        if (m.row >= 0) grad_input[in.offset(n, c, m.row, m.column)] += grad_output[out.offset(n, c, y, x)];
    });
    return grad_input;
}

template <class T>
double avg_pool2d_grad_input_at(const Pool2dShape& shape, Layout layout, AveragePadding padding, const T* grad_output,
                                std::int64_t n, std::int64_t c, std::int64_t row, std::int64_t column) {
    const Tensor4d output = output_tensor(shape, layout);
    double sum = 0;
    for_each_window_of(shape, row, column, [&](std::int64_t y, std::int64_t x, std::int64_t, std::int64_t) {
        sum += grad_output[output.offset(n, c, y, x)] / static_cast<double>(area(shape, padding, y, x));
    });
    return sum;
}

template <class T>
std::vector<double> avg_pool2d_backward(const Pool2dShape& shape, Layout layout, AveragePadding padding,
                                        const T* grad_output) {
    const Tensor4d in = input_tensor(shape, layout), out = output_tensor(shape, layout);
    std::vector<double> grad_input(in.elements());
    for_each_element(out, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
        const std::int64_t cells = area(shape, padding, y, x);
        const double gradient = grad_output[out.offset(n, c, y, x)];
        for_each_cell(shape, y, x, [&](std::int64_t row, std::int64_t column, std::int64_t, std::int64_t) {
            grad_input[in.offset(n, c, row, column)] += gradient / static_cast<double>(cells);
        });
    });
    return grad_input;
}

template <class T>
double global_avg_pool2d_grad_input_at(const GlobalAvgPool2dShape& shape, const T* grad_output, std::int64_t n,
                                       std::int64_t c) {
    const double gradient = grad_output == nullptr ? 1 : static_cast<double>(grad_output[n * shape.channels + c]);
    return gradient / static_cast<double>(shape.in_height * shape.in_width);
}

template <class T>
std::vector<double> global_avg_pool2d_backward(const GlobalAvgPool2dShape& shape, Layout layout, const T* grad_output) {
    const Tensor4d in = input_tensor(shape, layout);
    std::vector<double> grad_input(in.elements());
    for_each_element(in, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
        grad_input[in.offset(n, c, y, x)] = global_avg_pool2d_grad_input_at(shape, grad_output, n, c);
    });
    return grad_input;
}

#define BACKGRAD_INSTANTIATE(T)                                                                                  \
    template Maximum max_pool2d_maximum_at(const Pool2dShape&, Layout, const T*, std::int64_t, std::int64_t,     \
                                           std::int64_t, std::int64_t);                                          \
    template std::vector<std::int32_t> max_pool2d_plane_indices(const Pool2dShape&, Layout, const T*);           \
    template std::vector<std::uint8_t> max_pool2d_window_offsets(const Pool2dShape&, Layout, const T*);          \
    template double max_pool2d_grad_input_at(const Pool2dShape&, Layout, const T*, const T*, std::int64_t,       \
                                             std::int64_t, std::int64_t, std::int64_t);                          \
    template std::vector<double> max_pool2d_backward(const Pool2dShape&, Layout, const T*, const T*);            \
    template double avg_pool2d_grad_input_at(const Pool2dShape&, Layout, AveragePadding, const T*, std::int64_t, \
                                             std::int64_t, std::int64_t, std::int64_t);                          \
    template std::vector<double> avg_pool2d_backward(const Pool2dShape&, Layout, AveragePadding, const T*);      \
    template double global_avg_pool2d_grad_input_at(const GlobalAvgPool2dShape&, const T*, std::int64_t,         \
                                                    std::int64_t);                                               \
    template std::vector<double> global_avg_pool2d_backward(const GlobalAvgPool2dShape&, Layout, const T*);

BACKGRAD_INSTANTIATE(float)
BACKGRAD_INSTANTIATE(double)

#undef BACKGRAD_INSTANTIATE

}  // namespace backgrad::oracle
