#pragma once

#include "cell.hpp"
#include "tensor.hpp"
#include "variants/naive_loops.hpp"

#include <backgrad/names.hpp>

namespace backgrad::bench {

/// A gradient that lies between the parts of a cell's block: of the activation's output, or of the convolution's.
template <class T>
Tensor<T> block_gradient(const Cell& cell) {
    const Pool2dShape s = pool2d_shape(cell.shape);
    return Tensor<T>(cell.layout, s.batch, s.channels, s.in_height, s.in_width);
}

/// The gradient of the convolution's output by plain loops; `pooled` holds that of the activation's output meanwhile.
/// Returns what the convolution reads.
template <class T, class Problem>
const Tensor<T>& naive_block_gradient(const Cell& cell, const Problem& p, const Tensor<T>& pooled,
                                      const Tensor<T>& activated) {
    const BlockShape block = block_shape(cell.shape);
    const Tensor<T>* gradient = &p.grad_output;
    if (block.pool == BlockPool::max) naive_max_unpool2d(block.pooling(), *gradient, p.plane_indices, pooled);
    if (block.pool == BlockPool::average) naive_avg_pool2d(block.pooling(), false, *gradient, pooled);
    if (block.pool != BlockPool::none) gradient = &pooled;
    const Activation activation = block_activation(cell.shape);
    if (activation == Activation::linear) return *gradient;
    naive_activation(std::string(name(activation)), *gradient, p.output, activated);
    return activated;
}

}  // namespace backgrad::bench
