#include "variants/separate.hpp"

#include "variants/block.hpp"

#include <backgrad/activation.hpp>
#include <backgrad/conv2d.hpp>
#include <backgrad/pool2d.hpp>
#include <backgrad/workspace.hpp>

#include <optional>

namespace backgrad::bench {
namespace {

template <class T>
class SeparateRunnable : public Runnable {
public:
    SeparateRunnable(const Cell& cell, std::span<const Problem<T>> sets)
        : sets_(sets),
          pooled_(block_gradient<T>(cell)),
          activated_(block_gradient<T>(cell)),
          convolution_(conv2d_shape(cell.shape), {.layout = cell.layout, .strategy = strategy_of(cell)}),
          workspace_(convolution_.workspace_bytes()) {
        const Strategy strategy = strategy_of(cell);
        const BlockShape block = block_shape(cell.shape);
        const Pool2dShape pooling = block.pooling();
        if (block.pool == BlockPool::max)
            max_.emplace(pooling, MaxPool2dBackwardOptions{.layout = cell.layout, .strategy = strategy});
        if (block.pool == BlockPool::average) {
            average_.emplace(pooling, AvgPool2dBackwardOptions{.layout = cell.layout, .strategy = strategy});
        }
        const Activation activation = block_activation(cell.shape);
        if (activation == Activation::linear) return;
        activation_.emplace(activated_.elements(),
                            ActivationBackwardOptions{.activation = activation, .strategy = strategy});
    }

    void run(std::size_t set) override {
        const Problem<T>& p = sets_[set];
        const T* gradient = p.grad_output.data();
        if (max_) max_->execute({gradient, nullptr, p.plane_indices.data(), nullptr, pooled_.data()});
        if (average_) average_->execute({gradient, pooled_.data()});
        if (max_ || average_) gradient = pooled_.data();
        if (activation_) activation_->execute({gradient, p.output.data(), activated_.data()});
        if (activation_) gradient = activated_.data();
        convolution_.execute(
            {gradient, p.input.data(), p.weight.data(), p.grad_input.data(), p.grad_weight.data(), p.grad_bias.data()},
            workspace_.data());
    }

private:
    static Strategy strategy_of(const Cell& cell) {
        return {.backend = Backend::openmp, .threads = cell.threads, .isa = cell.isa};
    }

    std::span<const Problem<T>> sets_;
    Tensor<T> pooled_, activated_;
    std::optional<MaxPool2dBackward<T>> max_;
    std::optional<AvgPool2dBackward<T>> average_;
    std::optional<ActivationBackward<T>> activation_;
    Conv2dBackward<T> convolution_;
    Workspace workspace_;
};

}  // namespace

template <class T>
std::unique_ptr<Runnable> prepare_separate(const Cell& cell, std::span<const Problem<T>> sets) {
    return std::make_unique<SeparateRunnable<T>>(cell, sets);
}

template std::unique_ptr<Runnable> prepare_separate(const Cell&, std::span<const Problem<float>>);
template std::unique_ptr<Runnable> prepare_separate(const Cell&, std::span<const Problem<double>>);

}  // namespace backgrad::bench
