#include "cost.hpp"

namespace backgrad::bench {
namespace {

double product(std::initializer_list<std::int64_t> sizes) {
    double result = 1;
    for (const std::int64_t size : sizes) result *= static_cast<double>(size);
    return result;
}

Cost conv2d_cost(const Cell& cell, double element) {
    const Conv2dShape s = conv2d_shape(cell.shape);
    const double out = product({s.batch, s.out_channels, s.formula_out_height(), s.formula_out_width()});
    const double taps = product({s.in_channels / s.groups, s.kernel_height, s.kernel_width});
    const double input = product({s.batch, s.in_channels, s.in_height, s.in_width});
    const double weight = static_cast<double>(s.out_channels) * taps;
    const double bias = static_cast<double>(s.out_channels);
    const double one_pass = 2 * out * taps;
    if (cell.operation == Operation::conv2d_backward_input) return {one_pass, element * (out + weight + input)};
    if (cell.operation == Operation::conv2d_backward_weight) return {one_pass, element * (out + input + weight + bias)};
    return {2 * one_pass, element * (out + 2 * input + 2 * weight + bias)};
}

Cost pool2d_cost(const Cell& cell, double element) {
    const Pool2dShape s = pool2d_shape(cell.shape);
    const double planes = product({s.batch, s.channels});
    const double input = planes * product({s.in_height, s.in_width});
    if (cell.operation == Operation::global_avg_pool2d_backward) return {0, element * (planes + input)};
    const double out = planes * product({s.out_height(), s.out_width()});
    if (cell.operation == Operation::avg_pool2d_backward) return {0, element * (out + input)};
    if (cell.mode == "from_input") return {0, element * (out + 2 * input)};
    const double index = cell.mode == "from_offsets" ? 1 : 4;
    return {0, element * (out + input) + index * out};
}

/// Beside the convolution's own tensors: the gradient of the pooling, its indices, and what the activation reads.
Cost block_cost(const Cell& cell, double element) {
    const BlockShape block = block_shape(cell.shape);
    const Pool2dShape pool = block.pooling();
    const double planes = product({pool.batch, pool.channels});
    const double out = planes * product({pool.in_height, pool.in_width});
    const double pooled = planes * product({pool.out_height(), pool.out_width()});
    const bool activates = block_activation(cell.shape) != Activation::linear;
    const double parts = (block.pool != BlockPool::none ? 1.0 : 0.0) + (activates ? 1.0 : 0.0);
    Cost cost = conv2d_cost(cell, element);
    cost.bytes += element * (pooled - out) + (activates ? element * out : 0.0);
    if (block.pool == BlockPool::max) cost.bytes += 4 * pooled;
    cost.bytes_between = 2 * parts * element * out;
    return cost;
}

Cost activation_cost(const Cell& cell, double element) {
    const double elements = static_cast<double>(input_sizes(cell.shape).elements());
    if (activation_mode(cell.mode).masked) return {0, (2 * element + 0.125) * elements};
    return {0, element * (cell.mode == "linear" ? 2 : 3) * elements};
}

}  // namespace

Cost cost_of(const Cell& cell) {
    const double element = cell.dtype == Dtype::f32 ? sizeof(float) : sizeof(double);
    switch (kind_of(cell.operation)) {
        case ShapeKind::conv2d:
            return conv2d_cost(cell, element);
        case ShapeKind::pool2d:
            return pool2d_cost(cell, element);
        case ShapeKind::activation:
            return activation_cost(cell, element);
        case ShapeKind::block:
            return block_cost(cell, element);
        case ShapeKind::none:
            break;
    }
    return {0, 0};
}

}  // namespace backgrad::bench
