#include "oracle_values.hpp"

#include "oracle/activation.hpp"
#include "oracle/conv2d.hpp"
#include "oracle/pool2d.hpp"
#include "variants/block.hpp"

#include <algorithm>
#include <cmath>

namespace backgrad::bench {
namespace {

// Segments of a weight gradient's sum, as DESIGN has them: the longest chain is one segment and the joins of all.
constexpr std::int64_t segment = 1024;

template <class T>
constexpr double unit_roundoff = sizeof(T) == 4 ? 0x1p-24 : 0x1p-53;

/// The bound of a sum that is cut into segments. A peer may order its sums otherwise; then it is no proof, but rounding
/// errors of random data stay two orders of magnitude below it.
template <class T>
Bounded bounded_sum(const oracle::Value& exact, bool in_block) {
    const std::int64_t chain = std::min(exact.terms, segment) + exact.terms / segment;
    constexpr std::int64_t joins = 8;
    const double rounded = static_cast<double>(chain + joins + 2) * exact.absolute_sum;
    if (!in_block) return {exact.value, rounded * unit_roundoff<T>};
    // Pooling and activation of a block round their results, too. A derivative that vanishes, as 1 - tanh^2, is
    // computed by cancellation: its error is that of 1, times values of at most 1.
    const double derivatives = 64 * exact.absolute_sum + 4 * static_cast<double>(exact.terms);
    return {exact.value, (rounded + derivatives) * unit_roundoff<T>};
}

/// How many windows can cover one pixel.
std::int64_t most_windows(const Pool2dShape& s) {
    const std::int64_t down = (s.window_height + s.stride_height - 1) / s.stride_height;
    const std::int64_t right = (s.window_width + s.stride_width - 1) / s.stride_width;
    return down * right;
}

}  // namespace

template <class T>
OracleValues<T>::OracleValues(const Cell& cell, const Problem<T>& problem, std::size_t output)
    : cell_(cell), problem_(problem), tensor_(problem.outputs()[output]), grad_output_(&problem.grad_output) {
    if (kind_of(cell.operation) != ShapeKind::block) return;
    pooled_ = block_gradient<T>(cell);
    activated_ = block_gradient<T>(cell);
    grad_output_ = &naive_block_gradient(cell, problem, pooled_, activated_);
}

template <class T>
Bounded OracleValues<T>::at(std::int64_t index) const {
    const std::int64_t x = index % tensor_->width(), y = index / tensor_->width() % tensor_->height();
    const std::int64_t plane = index / tensor_->width() / tensor_->height();
    const std::int64_t c = plane % tensor_->channels(), n = plane / tensor_->channels();
    switch (kind_of(cell_.operation)) {
        case ShapeKind::conv2d:
        case ShapeKind::block:
            return conv2d(n, c, y, x);
        case ShapeKind::pool2d:
            return pool2d(n, c, y, x);
        case ShapeKind::activation:
        case ShapeKind::none:
            break;
    }
    return activation(index);
}

template <class T>
std::int64_t OracleValues<T>::steps_each() const {
    if (kind_of(cell_.operation) == ShapeKind::activation) return 1;
    if (kind_of(cell_.operation) == ShapeKind::pool2d) {
        // It searches the windows over a pixel, and for a maximum the cells of each.
        const Pool2dShape s = pool2d_shape(cell_.shape);
        return s.out_height() + s.window_height * s.out_width() + most_windows(s) * s.window_height * s.window_width;
    }
    const Conv2dShape s = conv2d_shape(cell_.shape);
    if (tensor_ != &problem_.grad_input) return s.batch * s.formula_out_height() * s.formula_out_width();
    return s.out_channels / s.groups * s.kernel_height * s.kernel_width;
}

template <class T>
Bounded OracleValues<T>::conv2d(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    const Conv2dShape s = conv2d_shape(cell_.shape);
    Conv2dBackwardOptions options;
    options.layout = cell_.layout;
    const T* const grad_output = grad_output_->data();
    const bool in_block = grad_output_ != &problem_.grad_output;
    if (tensor_ == &problem_.grad_bias) {
        return bounded_sum<T>(oracle::conv2d_grad_bias_at(s, options, grad_output, c), in_block);
    }
    if (tensor_ == &problem_.grad_weight) {
        return bounded_sum<T>(oracle::conv2d_grad_weight_at(s, options, grad_output, problem_.input.data(), n, c, y, x),
                              in_block);
    }
    return bounded_sum<T>(oracle::conv2d_grad_input_at(s, options, grad_output, problem_.weight.data(), n, c, y, x),
                          in_block);
}

/// |grad_output| is at most 1, so no sum of absolute values exceeds the number of windows over a pixel.
template <class T>
Bounded OracleValues<T>::pool2d(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    const Pool2dShape s = pool2d_shape(cell_.shape);
    const T* const grad_output = problem_.grad_output.data();
    if (cell_.operation == Operation::global_avg_pool2d_backward) {
        const GlobalAvgPool2dShape global{s.batch, s.channels, s.in_height, s.in_width};
        const double value = oracle::global_avg_pool2d_grad_input_at(global, grad_output, n, c);
        return {value, 4 * unit_roundoff<T> * std::abs(value)};
    }
    const double windows = static_cast<double>(most_windows(s));
    const double tolerance = (windows + 1) * windows * unit_roundoff<T>;
    if (cell_.operation == Operation::max_pool2d_backward) {
        const T* const input = problem_.input.data();
        return {oracle::max_pool2d_grad_input_at(s, cell_.layout, grad_output, input, n, c, y, x), tolerance};
    }
    const auto padding = parse<AveragePadding>("--modes", cell_.mode);
    return {oracle::avg_pool2d_grad_input_at(s, cell_.layout, padding, grad_output, n, c, y, x), tolerance};
}

/// The tolerance is absolute, because peers compute derivatives that vanish, as 1 - tanh^2, by cancellation.
template <class T>
Bounded OracleValues<T>::activation(std::int64_t index) const {
    ActivationBackwardOptions options;
    options.activation = activation_mode(cell_.mode).activation;
    const T* const grad_output = &problem_.grad_output.logical(index);
    const T* const input = &problem_.input.logical(index);
    return {oracle::activation_grad_input_at(options, grad_output, input, 0), 32 * unit_roundoff<T>};
}

template class OracleValues<float>;
template class OracleValues<double>;

}  // namespace backgrad::bench
