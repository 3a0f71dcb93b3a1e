#pragma once

#include "onednn.hpp"
#include "tensor.hpp"

#include <backgrad/conv2d.hpp>
#include <backgrad/pool2d.hpp>

#include <cstdint>
#include <memory>

namespace trainer {

/// The backward pass of a convolution of one shape.
class Conv2dGradients {
public:
    virtual ~Conv2dGradients() = default;

    /// All gradients; grad_input is null for the first layer, which was planned without it.
    virtual void run(const float* grad_output, const float* input, const float* weight, float* grad_input,
                     float* grad_weight, float* grad_bias) = 0;
};

/// The backward pass of a layer without weights, of one shape.
class Gradient {
public:
    virtual ~Gradient() = default;

    /// `source` is what the layer's kind says: its input for max pooling, its output for ReLU.
    virtual void run(const float* grad_output, const float* source, float* grad_input) = 0;
};

/// The gradient of the mean cross entropy of a softmax by its logits.
class LossGradient {
public:
    virtual ~LossGradient() = default;
    virtual void run(const float* logits, const std::int64_t* labels, float* grad_logits) = 0;
};

/// A library that computes backward passes on plain NCHW tensors. Plans are made once per layer and used every step.
class GradientLibrary {
public:
    virtual ~GradientLibrary() = default;
    virtual std::unique_ptr<Conv2dGradients> conv2d(const backgrad::Conv2dShape& shape, bool input_gradient) = 0;
    /// A library may use what the forward pass saved, or find the maxima in the source again.
    virtual std::unique_ptr<Gradient> max_pool2d(const backgrad::Pool2dShape& shape,
                                                 const MaxPool2dForward& forward) = 0;
    virtual std::unique_ptr<Gradient> global_avg_pool2d(const Dims& input) = 0;
    virtual std::unique_ptr<Gradient> relu(const Dims& dims) = 0;
    virtual std::unique_ptr<LossGradient> softmax_cross_entropy(std::int64_t rows, std::int64_t classes) = 0;
};

/// backgrad on `threads` threads.
std::unique_ptr<GradientLibrary> make_backgrad_gradients(int threads);

/// oneDNN on the threads that OpenMP is set to, on the same plain tensors. Its weights have the layout it likes best.
std::unique_ptr<GradientLibrary> make_onednn_gradients();

}  // namespace trainer
