#pragma once

#include "variants/onednn_tensors.hpp"

namespace backgrad::bench {

/// What oneDNN may do to the layouts of input, grad_output and grad_input.
enum class PeerLayout { plain, blocked };

using Problems = std::span<const Problem<float>>;

std::unique_ptr<Runnable> prepare_onednn_conv2d(const Cell& cell, Problems sets, PeerLayout layout);
std::unique_ptr<Runnable> prepare_onednn_pool2d(const Cell& cell, Problems sets, PeerLayout layout);
std::unique_ptr<Runnable> prepare_onednn_activation(const Cell& cell, Problems sets, PeerLayout layout);
std::unique_ptr<Runnable> prepare_onednn_block(const Cell& cell, Problems sets, PeerLayout layout);

/// The tensors of an element-wise or pooling step.
struct StepTensors {
    const Tensor<float>&grad_output, &input, &grad_input;
};

struct Pool2dStep {
    Pool2dShape shape;
    dnnl::algorithm algorithm;
    const Cell& cell;
    PeerLayout layout;
};
void add_onednn_pool2d(OnednnRunnable& runnable, std::size_t set, const Pool2dStep& step, const StepTensors& tensors);

struct ActivationStep {
    Activation activation;
    const Cell& cell;
    PeerLayout layout;
};
void add_onednn_activation(OnednnRunnable& runnable, std::size_t set, const ActivationStep& step,
                           const StepTensors& tensors);

/// The steps of all data sets' convolutions; data set k reads grad_outputs[k].
void add_onednn_conv2d(OnednnRunnable& runnable, const Cell& cell, Problems sets,
                       const std::vector<const Tensor<float>*>& grad_outputs, PeerLayout layout);

/// The tensor in the layout that a primitive without a preference of its own runs on.
dnnl::memory::desc peer_description(const dnnl::memory::desc& plain, const Cell& cell, PeerLayout layout);

}  // namespace backgrad::bench
