#pragma once

#include "cell.hpp"
#include "tensor.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace backgrad::bench {

/// The tensors of one problem in the layout asked for, shared by all variants that are measured on it. Inputs are
/// seeded by shape and operation alone: equal logical values in every layout, dtype, process and run.
/// Tensors that the operation does not have are empty.
template <class T>
struct Problem {
    /// `threads`, if any, write the tensors first.
    explicit Problem(const Cell& cell, Executor* threads = nullptr);

    Tensor<T> grad_output;
    Tensor<T> input;   ///< convolution, max pooling, activation
    Tensor<T> weight;  ///< convolution
    Tensor<T> output;  ///< block: the convolution's output, input of activation and pooling
    Tensor<std::int32_t> plane_indices;
    Tensor<std::uint8_t> window_offsets;
    std::vector<std::uint8_t> mask;  ///< activation from a mask

    Tensor<T> grad_input;
    Tensor<T> grad_weight;
    Tensor<T> grad_bias;

    /// The gradients that the operation writes.
    std::vector<const Tensor<T>*> outputs() const;

    /// Fills every output with NaN, so that an element that is not written cannot pass the check.
    void poison() const;

    /// Bytes of all tensors.
    std::size_t bytes() const;
};

extern template struct Problem<float>;
extern template struct Problem<double>;

}  // namespace backgrad::bench
