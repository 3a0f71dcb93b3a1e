#include "layers.hpp"

#include <cmath>

namespace trainer {
namespace {

/// Normally distributed values with the given standard deviation.
Values normal(std::int64_t count, double deviation, std::mt19937_64& random) {
    std::normal_distribution<double> distribution(0, deviation);
    Values values(static_cast<std::size_t>(count));
    for (float& value : values) value = static_cast<float>(distribution(random));
    return values;
}

Parameter with_gradient(std::string name, Values value) {
    Values gradient(value.size());
    return {std::move(name), std::move(value), std::move(gradient)};
}

}  // namespace

Conv2d::Conv2d(std::string name, const backgrad::Conv2dShape& shape, bool input_gradient, GradientLibrary& library,
               std::mt19937_64& random)
    : shape_(shape), forward_(shape), gradients_(library.conv2d(shape, input_gradient)) {
    const std::int64_t terms = shape.in_channels / shape.groups * shape.kernel_height * shape.kernel_width;
    const double deviation = std::sqrt(2.0 / static_cast<double>(terms));
    weight_ = with_gradient(name + ".weight", normal(shape.out_channels * terms, deviation, random));
    bias_ = with_gradient(name + ".bias", Values(static_cast<std::size_t>(shape.out_channels)));
}

Dims Conv2d::output_dims() const {
    return {shape_.batch, shape_.out_channels, shape_.formula_out_height(), shape_.formula_out_width()};
}

void Conv2d::forward(const Tensor& input, Tensor& output, bool) {
    forward_.run(input.data(), weight_.value.data(), bias_.value.data(), output.data());
}

void Conv2d::backward(const Tensor& input, const Tensor&, Tensor& grad_output, Tensor* grad_input) {
    gradients_->run(grad_output.data(), input.data(), weight_.value.data(),
                    grad_input == nullptr ? nullptr : grad_input->data(), weight_.gradient.data(),
                    bias_.gradient.data());
}

void Conv2d::collect(std::vector<Parameter*>& parameters) {
    parameters.push_back(&weight_);
    parameters.push_back(&bias_);
}

MaxPool2d::MaxPool2d(const backgrad::Pool2dShape& shape, GradientLibrary& library)
    : shape_(shape), forward_(shape), gradient_(library.max_pool2d(shape, forward_)) {}

Dims MaxPool2d::output_dims() const { return {shape_.batch, shape_.channels, shape_.out_height(), shape_.out_width()}; }

void MaxPool2d::forward(const Tensor& input, Tensor& output, bool) { forward_.run(input.data(), output.data()); }

void MaxPool2d::backward(const Tensor& input, const Tensor&, Tensor& grad_output, Tensor* grad_input) {
    gradient_->run(grad_output.data(), input.data(), grad_input->data());
}

GlobalAvgPool2d::GlobalAvgPool2d(const Dims& input, GradientLibrary& library)
    : output_{input.batch, input.channels, 1, 1}, forward_(input), gradient_(library.global_avg_pool2d(input)) {}

void GlobalAvgPool2d::forward(const Tensor& input, Tensor& output, bool) { forward_.run(input.data(), output.data()); }

void GlobalAvgPool2d::backward(const Tensor&, const Tensor&, Tensor& grad_output, Tensor* grad_input) {
    gradient_->run(grad_output.data(), nullptr, grad_input->data());
}

Relu::Relu(const Dims& dims, GradientLibrary& library) : dims_(dims), forward_(dims), gradient_(library.relu(dims)) {}

void Relu::forward(const Tensor&, Tensor& output, bool) { forward_.run(output.data()); }

void Relu::backward(const Tensor&, const Tensor& output, Tensor& grad_output, Tensor* grad_input) {
    gradient_->run(grad_output.data(), output.data(), grad_input->data());
}

}  // namespace trainer
