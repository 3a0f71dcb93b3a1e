#include "variants/naive.hpp"

#include "variants/block.hpp"
#include "variants/naive_loops.hpp"

#include <functional>
#include <memory>

namespace backgrad::bench {
namespace {

template <class T>
using Loops = std::function<void(const Problem<T>&)>;

template <class T>
Loops<T> conv2d_loops(const Cell& cell) {
    const Conv2dShape s = conv2d_shape(cell.shape);
    return [s](const Problem<T>& p) {
        if (p.grad_weight.elements() > 0) {
            naive_grad_weight(s, p.grad_output, p.input, p.grad_weight);
            naive_grad_bias(p.grad_output, p.grad_bias);
        }
        if (p.grad_input.elements() > 0) naive_grad_input(s, p.grad_output, p.weight, p.grad_input);
    };
}

template <class T>
Loops<T> max_pool2d_loops(const Cell& cell) {
    const Pool2dShape s = pool2d_shape(cell.shape);
    const std::string mode = cell.mode;
    return [s, mode](const Problem<T>& p) {
        if (mode == "from_input") naive_max_pool2d(s, p.grad_output, p.input, p.grad_input);
        else if (mode == "from_offsets") naive_max_unpool2d(s, p.grad_output, p.window_offsets, p.grad_input);
        else naive_max_unpool2d(s, p.grad_output, p.plane_indices, p.grad_input);
    };
}

template <class T>
Loops<T> avg_pool2d_loops(const Cell& cell) {
    const Pool2dShape s = pool2d_shape(cell.shape);
    const bool count_padding = cell.mode == "include_padding";
    return [s, count_padding](const Problem<T>& p) { naive_avg_pool2d(s, count_padding, p.grad_output, p.grad_input); };
}

/// The conv2d loops on a gradient that other loops bring.
template <class T>
Loops<T> block_loops(const Cell& cell) {
    const Conv2dShape s = conv2d_shape(cell.shape);
    // A std::function must be copyable, tensors are not.
    const auto pooled = std::make_shared<Tensor<T>>(block_gradient<T>(cell));
    const auto activated = std::make_shared<Tensor<T>>(block_gradient<T>(cell));
    return [s, cell, pooled, activated](const Problem<T>& p) {
        const Tensor<T>& gradient = naive_block_gradient(cell, p, *pooled, *activated);
        naive_grad_weight(s, gradient, p.input, p.grad_weight);
        naive_grad_bias(gradient, p.grad_bias);
        naive_grad_input(s, gradient, p.weight, p.grad_input);
    };
}

template <class T>
Loops<T> loops_of(const Cell& cell) {
    switch (cell.operation) {
        case Operation::max_pool2d_backward:
            return max_pool2d_loops<T>(cell);
        case Operation::avg_pool2d_backward:
            return avg_pool2d_loops<T>(cell);
        case Operation::global_avg_pool2d_backward:
            return [](const Problem<T>& p) { naive_global_avg_pool2d(p.grad_output, p.grad_input); };
        case Operation::activation_backward:
            return [mode = cell.mode](const Problem<T>& p) {
                naive_activation(mode, p.grad_output, p.input, p.grad_input);
            };
        case Operation::block_backward:
            return block_loops<T>(cell);
        default:
            return conv2d_loops<T>(cell);
    }
}

template <class T>
class NaiveRunnable : public Runnable {
public:
    NaiveRunnable(Loops<T> loops, std::span<const Problem<T>> sets) : loops_(std::move(loops)), sets_(sets) {}
    void run(std::size_t set) override { loops_(sets_[set]); }

private:
    Loops<T> loops_;
    std::span<const Problem<T>> sets_;
};

}  // namespace

template <class T>
std::unique_ptr<Runnable> prepare_naive(const Cell& cell, std::span<const Problem<T>> sets) {
    return std::make_unique<NaiveRunnable<T>>(loops_of<T>(cell), sets);
}

template std::unique_ptr<Runnable> prepare_naive(const Cell&, std::span<const Problem<float>>);
template std::unique_ptr<Runnable> prepare_naive(const Cell&, std::span<const Problem<double>>);

}  // namespace backgrad::bench
