#pragma once

#include "layers.hpp"

namespace trainer {

/// Batch normalisation over batch and pixels, Ioffe and Szegedy 2015, with scale and shift:
///
///     y = scale * (x - mean) / sqrt(variance + epsilon) + shift
///
/// In training mean and variance are those of the batch, and running means of both follow them for later use. A channel
/// is the work of one thread, so the bits do not depend on the number of threads.
class BatchNorm final : public Layer {
public:
    BatchNorm(const std::string& name, const Dims& dims);

    Dims output_dims() const override { return dims_; }
    void forward(const Tensor& input, Tensor& output, bool training) override;
    void backward(const Tensor& input, const Tensor& output, Tensor& grad_output, Tensor* grad_input) override;
    void collect(std::vector<Parameter*>& parameters) override;

private:
    void measure(const Tensor& input, std::int64_t channel);

    Dims dims_;
    Parameter scale_, shift_, running_mean_, running_variance_;
    Values mean_, inverse_deviation_;  ///< of the batch, kept for backward
};

}  // namespace trainer
