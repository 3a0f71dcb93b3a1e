#include "variants/onednn_operations.hpp"

namespace backgrad::bench {
namespace {

using dnnl::memory;

dnnl::algorithm algorithm_of(const Cell& cell) {
    if (cell.operation == Operation::max_pool2d_backward) return dnnl::algorithm::pooling_max;
    return cell.mode == "include_padding" ? dnnl::algorithm::pooling_avg_include_padding
                                          : dnnl::algorithm::pooling_avg_exclude_padding;
}

/// A global pooling is one whose window is the image.
Pool2dShape window_of(const Cell& cell) {
    Pool2dShape s = pool2d_shape(cell.shape);
    if (cell.operation != Operation::global_avg_pool2d_backward) return s;
    s.window_height = s.stride_height = s.in_height;
    s.window_width = s.stride_width = s.in_width;
    s.padding_top = s.padding_bottom = s.padding_left = s.padding_right = 0;
    return s;
}

}  // namespace

/// Every mode of max pooling gets the same kernel: oneDNN reads the workspace that its own forward pass has saved.
void add_onednn_pool2d(OnednnRunnable& runnable, std::size_t set, const Pool2dStep& step, const StepTensors& tensors) {
    const Pool2dShape& s = step.shape;
    const memory::dims strides{s.stride_height, s.stride_width}, window{s.window_height, s.window_width};
    const memory::dims begin{s.padding_top, s.padding_left}, end{s.padding_bottom, s.padding_right};
    const memory::desc plain_input = plain_description(tensors.grad_input);
    const memory::desc plain_output = plain_description(tensors.grad_output);
    const memory::desc input = peer_description(plain_input, step.cell, step.layout);
    const memory::desc output = peer_description(plain_output, step.cell, step.layout);
    const dnnl::pooling_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, step.algorithm, input, output, strides, window, begin, end},
        runnable.engine());
    const dnnl::pooling_backward::primitive_desc backward({step.algorithm, input, output, strides, window, begin, end},
                                                          runnable.engine(), forward);
    OnednnRunnable::Arguments arguments{
        {DNNL_ARG_DIFF_DST, runnable.input(plain_output, tensors.grad_output.data(), output)},
        {DNNL_ARG_DIFF_SRC, runnable.output(set, plain_input, tensors.grad_input.data(), input)}};
    if (step.algorithm == dnnl::algorithm::pooling_max) {
        const memory workspace(forward.workspace_desc(), runnable.engine());
        runnable.run_now(dnnl::pooling_forward(forward),
                         {{DNNL_ARG_SRC, runnable.input(plain_input, tensors.input.data(), input)},
                          {DNNL_ARG_DST, memory(output, runnable.engine())},
                          {DNNL_ARG_WORKSPACE, workspace}});
        arguments.emplace(DNNL_ARG_WORKSPACE, workspace);
    }
    runnable.add(set, dnnl::pooling_backward(backward), std::move(arguments));
}

std::unique_ptr<Runnable> prepare_onednn_pool2d(const Cell& cell, Problems sets, PeerLayout layout) {
    auto runnable = std::make_unique<OnednnRunnable>(sets.size());
    const Pool2dStep step{window_of(cell), algorithm_of(cell), cell, layout};
    for (std::size_t set = 0; set < sets.size(); ++set) {
        const Problem<float>& p = sets[set];
        add_onednn_pool2d(*runnable, set, step, {p.grad_output, p.input, p.grad_input});
    }
    return runnable;
}

}  // namespace backgrad::bench
