#pragma once

#include "gradients.hpp"
#include "tensor.hpp"

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace trainer {

/// Numbers that training changes, and how they should change.
struct Parameter {
    std::string name;
    Values value;
    Values gradient;  ///< empty for what follows the data by itself, as running means do
};

/// One step of a network. A layer is made for tensors of one size and keeps nothing between steps but parameters.
class Layer {
public:
    virtual ~Layer() = default;

    virtual Dims output_dims() const = 0;

    /// True if output is the same memory as input, and grad_input as grad_output.
    virtual bool in_place() const { return false; }

    /// Batch statistics are those of the batch in training, else those seen in training.
    virtual void forward(const Tensor& input, Tensor& output, bool training) = 0;

    /// Writes the parameters' gradients and, unless it is null, grad_input. grad_output is free afterwards.
    virtual void backward(const Tensor& input, const Tensor& output, Tensor& grad_output, Tensor* grad_input) = 0;

    /// Adds pointers to the parameters, in an order that never changes.
    virtual void collect(std::vector<Parameter*>&) {}
};

using LayerPointer = std::unique_ptr<Layer>;

/// A convolution with bias; its weight starts as He et al. 2015 give it for ReLU. A dense layer is a convolution of 1x1
/// images with as many channels as the layer before it has elements: the same memory.
class Conv2d final : public Layer {
public:
    Conv2d(std::string name, const backgrad::Conv2dShape& shape, bool input_gradient, GradientLibrary& library,
           std::mt19937_64& random);

    Dims output_dims() const override;
    void forward(const Tensor& input, Tensor& output, bool training) override;
    void backward(const Tensor& input, const Tensor& output, Tensor& grad_output, Tensor* grad_input) override;
    void collect(std::vector<Parameter*>& parameters) override;

private:
    backgrad::Conv2dShape shape_;
    Parameter weight_;
    Parameter bias_;
    Conv2dForward forward_;
    std::unique_ptr<Conv2dGradients> gradients_;
};

class MaxPool2d final : public Layer {
public:
    MaxPool2d(const backgrad::Pool2dShape& shape, GradientLibrary& library);

    Dims output_dims() const override;
    void forward(const Tensor& input, Tensor& output, bool training) override;
    void backward(const Tensor& input, const Tensor& output, Tensor& grad_output, Tensor* grad_input) override;

private:
    backgrad::Pool2dShape shape_;
    MaxPool2dForward forward_;
    std::unique_ptr<Gradient> gradient_;
};

class GlobalAvgPool2d final : public Layer {
public:
    GlobalAvgPool2d(const Dims& input, GradientLibrary& library);

    Dims output_dims() const override { return output_; }
    void forward(const Tensor& input, Tensor& output, bool training) override;
    void backward(const Tensor& input, const Tensor& output, Tensor& grad_output, Tensor* grad_input) override;

private:
    Dims output_;
    GlobalAvgPool2dForward forward_;
    std::unique_ptr<Gradient> gradient_;
};

/// In place: no layer before it needs its own output again.
class Relu final : public Layer {
public:
    Relu(const Dims& dims, GradientLibrary& library);

    Dims output_dims() const override { return dims_; }
    bool in_place() const override { return true; }
    void forward(const Tensor& input, Tensor& output, bool training) override;
    void backward(const Tensor& input, const Tensor& output, Tensor& grad_output, Tensor* grad_input) override;

private:
    Dims dims_;
    ReluForward forward_;
    std::unique_ptr<Gradient> gradient_;
};

}  // namespace trainer
