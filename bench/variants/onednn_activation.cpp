#include "variants/onednn_operations.hpp"

namespace backgrad::bench {
namespace {

struct Elementwise {
    dnnl::algorithm algorithm;
    float alpha;
};

Elementwise elementwise_of(Activation activation) {
    using dnnl::algorithm;
    switch (activation) {
        case Activation::linear:
            return {algorithm::eltwise_linear, 1};
        case Activation::relu:
            return {algorithm::eltwise_relu, 0};
        case Activation::leaky_relu:
            return {algorithm::eltwise_relu, 0.01f};
        case Activation::sigmoid:
            return {algorithm::eltwise_logistic, 0};
        case Activation::tanh:
            return {algorithm::eltwise_tanh, 0};
        case Activation::gelu_erf:
            return {algorithm::eltwise_gelu_erf, 0};
        case Activation::gelu_tanh:
            return {algorithm::eltwise_gelu_tanh, 0};
        case Activation::silu:
            return {algorithm::eltwise_swish, 1};
        case Activation::elu:
            return {algorithm::eltwise_elu, 1};
        case Activation::softplus:
            return {algorithm::eltwise_soft_relu, 0};
        case Activation::hardswish:
            break;
    }
    return {algorithm::eltwise_hardswish, 0};
}

}  // namespace

void add_onednn_activation(OnednnRunnable& runnable, std::size_t set, const ActivationStep& step,
                           const StepTensors& tensors) {
    const dnnl::memory::desc plain = plain_description(tensors.input);
    const dnnl::memory::desc tensor = peer_description(plain, step.cell, step.layout);
    const auto [algorithm, alpha] = elementwise_of(step.activation);
    const dnnl::eltwise_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, algorithm, tensor, alpha, 0.0f}, runnable.engine());
    const dnnl::eltwise_backward::primitive_desc backward({algorithm, tensor, tensor, alpha, 0.0f}, runnable.engine(),
                                                          forward);
    runnable.add(set, dnnl::eltwise_backward(backward),
                 {{DNNL_ARG_SRC, runnable.input(plain, tensors.input.data(), tensor)},
                  {DNNL_ARG_DIFF_DST, runnable.input(plain, tensors.grad_output.data(), tensor)},
                  {DNNL_ARG_DIFF_SRC, runnable.output(set, plain, tensors.grad_input.data(), tensor)}});
}

std::unique_ptr<Runnable> prepare_onednn_activation(const Cell& cell, Problems sets, PeerLayout layout) {
    auto runnable = std::make_unique<OnednnRunnable>(sets.size());
    const ActivationStep step{activation_mode(cell.mode).activation, cell, layout};
    for (std::size_t set = 0; set < sets.size(); ++set) {
        const Problem<float>& p = sets[set];
        add_onednn_activation(*runnable, set, step, {p.grad_output, p.input, p.grad_input});
    }
    return runnable;
}

}  // namespace backgrad::bench
