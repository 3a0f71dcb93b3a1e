#include "network.hpp"

#include <stdexcept>

namespace trainer {
namespace {

/// sum = a + b; sum may be one of them.
void add(const Tensor& a, const Tensor& b, Tensor& sum) {
    const float* const left = a.data();
    const float* const right = b.data();
    float* const result = sum.data();
    const std::int64_t elements = sum.dims.elements();
#pragma omp parallel for simd schedule(static)
    for (std::int64_t k = 0; k < elements; ++k) result[k] = left[k] + right[k];
}

}  // namespace

void Sequential::add(LayerPointer layer) {
    if (layer->in_place()) {
        if (layers_.empty()) throw std::logic_error("the first layer may not overwrite the input");
    } else {
        outputs_.emplace_back(layer->output_dims());
        gradients_.emplace_back(layer->output_dims());
    }
    places_.push_back(outputs_.size() - 1);
    layers_.push_back(std::move(layer));
}

const Tensor& Sequential::forward(const Tensor& input, bool training) {
    const Tensor* current = &input;
    for (std::size_t k = 0; k < layers_.size(); ++k) {
        Tensor& output = outputs_[places_[k]];
        layers_[k]->forward(*current, output, training);
        current = &output;
    }
    return *current;
}

void Sequential::backward(const Tensor& input, Tensor& grad_output, Tensor* grad_input) {
    Tensor* gradient = &grad_output;
    for (std::size_t k = layers_.size(); k-- > 0;) {
        const Tensor& layer_input = k == 0 ? input : outputs_[places_[k - 1]];
        Tensor* const below = layers_[k]->in_place() ? gradient : k == 0 ? grad_input : &gradients_[places_[k - 1]];
        layers_[k]->backward(layer_input, outputs_[places_[k]], *gradient, below);
        gradient = below;
    }
}

void Sequential::collect(std::vector<Parameter*>& parameters) {
    for (const LayerPointer& layer : layers_) layer->collect(parameters);
}

Residual::Residual(Sequential body, Sequential shortcut)
    : body_(std::move(body)),
      shortcut_(std::move(shortcut)),
      identity_(shortcut_.empty()),
      grad_shortcut_(identity_ ? Dims{} : body_.input_dims()) {}

void Residual::forward(const Tensor& input, Tensor& output, bool training) {
    add(body_.forward(input, training), shortcut_.forward(input, training), output);
}

void Residual::backward(const Tensor& input, const Tensor&, Tensor& grad_output, Tensor* grad_input) {
    body_.backward(input, grad_output, grad_input);
    if (identity_) return add(grad_output, *grad_input, *grad_input);
    shortcut_.backward(input, grad_output, &grad_shortcut_);
    add(grad_shortcut_, *grad_input, *grad_input);
}

void Residual::collect(std::vector<Parameter*>& parameters) {
    body_.collect(parameters);
    shortcut_.collect(parameters);
}

}  // namespace trainer
