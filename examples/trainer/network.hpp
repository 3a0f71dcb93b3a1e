#pragma once

#include "layers.hpp"

namespace trainer {

/// Layers one after the other, with the tensors between them.
class Sequential {
public:
    explicit Sequential(const Dims& input) : input_(input) {}

    void add(LayerPointer layer);

    bool empty() const { return layers_.empty(); }
    Dims input_dims() const { return input_; }

    /// Sizes after the last layer so far.
    Dims output_dims() const { return layers_.empty() ? input_ : layers_.back()->output_dims(); }

    /// The last layer's output; the input itself if there is no layer.
    const Tensor& forward(const Tensor& input, bool training);

    /// After forward with the same input. Writes the parameters' gradients and, unless it is null, grad_input;
    /// grad_output is free afterwards. There is at least one layer.
    void backward(const Tensor& input, Tensor& grad_output, Tensor* grad_input);

    void collect(std::vector<Parameter*>& parameters);

private:
    Dims input_;
    std::vector<LayerPointer> layers_;
    std::vector<std::size_t> places_;  ///< index of each layer's output; a layer in place shares that of the one before
    std::vector<Tensor> outputs_;
    std::vector<Tensor> gradients_;  ///< of outputs_
};

/// body(x) + shortcut(x); without layers the shortcut is x itself. Neither may end in a layer in place.
class Residual final : public Layer {
public:
    Residual(Sequential body, Sequential shortcut);

    Dims output_dims() const override { return body_.output_dims(); }
    void forward(const Tensor& input, Tensor& output, bool training) override;
    void backward(const Tensor& input, const Tensor& output, Tensor& grad_output, Tensor* grad_input) override;
    void collect(std::vector<Parameter*>& parameters) override;

private:
    Sequential body_;
    Sequential shortcut_;
    bool identity_;
    Tensor grad_shortcut_;  ///< what the shortcut adds to grad_input
};

}  // namespace trainer
