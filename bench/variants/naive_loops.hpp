#pragma once

#include "shape.hpp"
#include "tensor.hpp"

#include <cmath>
#include <cstdint>
#include <string>

/// The gradients as plain loops over the definitions; what a first working version of a trainer would hold.
namespace backgrad::bench {

/// The input row (or column) that window `window` meets with its cell `cell`.
inline std::int64_t position(std::int64_t window, std::int64_t stride, std::int64_t padding, std::int64_t cell,
                             std::int64_t dilation = 1) {
    return window * stride - padding + cell * dilation;
}

template <class T>
void naive_grad_weight(const Conv2dShape& s, const Tensor<T>& grad_output, const Tensor<T>& input,
                       const Tensor<T>& grad_weight) {
    const std::int64_t group_outputs = s.out_channels / s.groups;
    for (std::int64_t o = 0; o < s.out_channels; ++o)
        for (std::int64_t i = 0; i < grad_weight.channels(); ++i)
            for (std::int64_t r = 0; r < s.kernel_height; ++r)
                for (std::int64_t c = 0; c < s.kernel_width; ++c) {
                    const std::int64_t channel = o / group_outputs * grad_weight.channels() + i;
                    T sum = 0;
                    for (std::int64_t n = 0; n < s.batch; ++n)
                        for (std::int64_t y = 0; y < grad_output.height(); ++y) {
                            const std::int64_t row = position(y, s.stride_height, s.padding_top, r, s.dilation_height);
                            if (row < 0 || row >= s.in_height) continue;
                            for (std::int64_t x = 0; x < grad_output.width(); ++x) {
                                const std::int64_t column =
                                    position(x, s.stride_width, s.padding_left, c, s.dilation_width);
                                if (column < 0 || column >= s.in_width) continue;
                                sum += grad_output.at(n, o, y, x) * input.at(n, channel, row, column);
                            }
                        }
                    grad_weight.at(o, i, r, c) = sum;
                }
}

template <class T>
void naive_grad_bias(const Tensor<T>& grad_output, const Tensor<T>& grad_bias) {
    for (std::int64_t o = 0; o < grad_output.channels(); ++o) {
        T sum = 0;
        for (std::int64_t n = 0; n < grad_output.batch(); ++n)
            for (std::int64_t y = 0; y < grad_output.height(); ++y)
                for (std::int64_t x = 0; x < grad_output.width(); ++x) sum += grad_output.at(n, o, y, x);
        grad_bias.data()[o] = sum;
    }
}

template <class T>
void naive_clear(const Tensor<T>& tensor) {
    for (std::int64_t k = 0; k < tensor.elements(); ++k) tensor.data()[k] = 0;
}

template <class T>
void naive_grad_input(const Conv2dShape& s, const Tensor<T>& grad_output, const Tensor<T>& weight,
                      const Tensor<T>& grad_input) {
    naive_clear(grad_input);
    const std::int64_t group_outputs = s.out_channels / s.groups;
    for (std::int64_t n = 0; n < s.batch; ++n)
        for (std::int64_t o = 0; o < s.out_channels; ++o)
            for (std::int64_t i = 0; i < weight.channels(); ++i)
                for (std::int64_t r = 0; r < s.kernel_height; ++r)
                    for (std::int64_t c = 0; c < s.kernel_width; ++c) {
                        const std::int64_t channel = o / group_outputs * weight.channels() + i;
                        const T factor = weight.at(o, i, r, c);
                        for (std::int64_t y = 0; y < grad_output.height(); ++y) {
                            const std::int64_t row = position(y, s.stride_height, s.padding_top, r, s.dilation_height);
                            if (row < 0 || row >= s.in_height) continue;
                            for (std::int64_t x = 0; x < grad_output.width(); ++x) {
                                const std::int64_t column =
                                    position(x, s.stride_width, s.padding_left, c, s.dilation_width);
                                if (column < 0 || column >= s.in_width) continue;
                                grad_input.at(n, channel, row, column) += grad_output.at(n, o, y, x) * factor;
                            }
                        }
                    }
}

/// Calls visit(n, c, y, x) for every window of a pooling.
template <class T, class Visit>
void for_each_window(const Tensor<T>& grad_output, Visit visit) {
    for (std::int64_t n = 0; n < grad_output.batch(); ++n)
        for (std::int64_t c = 0; c < grad_output.channels(); ++c)
            for (std::int64_t y = 0; y < grad_output.height(); ++y)
                for (std::int64_t x = 0; x < grad_output.width(); ++x) visit(n, c, y, x);
}

/// Calls visit(row, column) for every cell of window (y, x) that lies inside the input.
template <class Visit>
void for_each_cell(const Pool2dShape& s, std::int64_t y, std::int64_t x, Visit visit) {
    for (std::int64_t r = 0; r < s.window_height; ++r)
        for (std::int64_t c = 0; c < s.window_width; ++c) {
            const std::int64_t row = position(y, s.stride_height, s.padding_top, r);
            const std::int64_t column = position(x, s.stride_width, s.padding_left, c);
            if (row >= 0 && row < s.in_height && column >= 0 && column < s.in_width) visit(row, column);
        }
}

template <class T>
void naive_max_pool2d(const Pool2dShape& s, const Tensor<T>& grad_output, const Tensor<T>& input,
                      const Tensor<T>& grad_input) {
    naive_clear(grad_input);
    for_each_window(grad_output, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
        std::int64_t best_row = -1, best_column = -1;
        for_each_cell(s, y, x, [&](std::int64_t row, std::int64_t column) {
            if (best_row >= 0) {
                const T best = input.at(n, c, best_row, best_column), value = input.at(n, c, row, column);
                if (std::isnan(best) || !(value > best || std::isnan(value))) return;
            }
            best_row = row;
            best_column = column;
        });
        grad_input.at(n, c, best_row, best_column) += grad_output.at(n, c, y, x);
    });
}

template <class T>
void naive_max_unpool2d(const Pool2dShape& s, const Tensor<T>& grad_output, const Tensor<std::int32_t>& indices,
                        const Tensor<T>& grad_input) {
    naive_clear(grad_input);
    for_each_window(grad_output, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
        const std::int64_t index = indices.at(n, c, y, x);
        grad_input.at(n, c, index / s.in_width, index % s.in_width) += grad_output.at(n, c, y, x);
    });
}

template <class T>
void naive_max_unpool2d(const Pool2dShape& s, const Tensor<T>& grad_output, const Tensor<std::uint8_t>& offsets,
                        const Tensor<T>& grad_input) {
    naive_clear(grad_input);
    for_each_window(grad_output, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
        const std::int64_t offset = offsets.at(n, c, y, x);
        const std::int64_t row = position(y, s.stride_height, s.padding_top, offset / s.window_width);
        const std::int64_t column = position(x, s.stride_width, s.padding_left, offset % s.window_width);
        grad_input.at(n, c, row, column) += grad_output.at(n, c, y, x);
    });
}

template <class T>
void naive_avg_pool2d(const Pool2dShape& s, bool count_padding, const Tensor<T>& grad_output,
                      const Tensor<T>& grad_input) {
    naive_clear(grad_input);
    for_each_window(grad_output, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
        std::int64_t cells = 0;
        for_each_cell(s, y, x, [&](std::int64_t, std::int64_t) { ++cells; });
        if (count_padding) cells = s.window_height * s.window_width;
        const T share = grad_output.at(n, c, y, x) / static_cast<T>(cells);
        for_each_cell(s, y, x,
                      [&](std::int64_t row, std::int64_t column) { grad_input.at(n, c, row, column) += share; });
    });
}

template <class T>
void naive_global_avg_pool2d(const Tensor<T>& grad_output, const Tensor<T>& grad_input) {
    const T pixels = static_cast<T>(grad_input.height() * grad_input.width());
    for_each_window(grad_input, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
        grad_input.at(n, c, y, x) = grad_output.at(n, c, 0, 0) / pixels;
    });
}

/// With the derivatives of backgrad/activation.hpp, default slopes and scales.
template <class T>
void naive_activation(const std::string& mode, const Tensor<T>& grad_output, const Tensor<T>& input,
                      const Tensor<T>& grad_input);

extern template void naive_activation(const std::string&, const Tensor<float>&, const Tensor<float>&,
                                      const Tensor<float>&);
extern template void naive_activation(const std::string&, const Tensor<double>&, const Tensor<double>&,
                                      const Tensor<double>&);

}  // namespace backgrad::bench
