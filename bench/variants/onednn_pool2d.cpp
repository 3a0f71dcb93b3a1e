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
std::unique_ptr<Runnable> prepare_onednn_pool2d(const Cell& cell, Problems sets, PeerLayout layout) {
    auto runnable = std::make_unique<OnednnRunnable>(sets.size());
    const Pool2dShape s = window_of(cell);
    const memory::dims strides{s.stride_height, s.stride_width}, window{s.window_height, s.window_width};
    const memory::dims begin{s.padding_top, s.padding_left}, end{s.padding_bottom, s.padding_right};
    const memory::desc plain_input = plain_description(sets[0].grad_input);
    const memory::desc plain_output = plain_description(sets[0].grad_output);
    const memory::desc input = peer_description(plain_input, cell, layout);
    const memory::desc output = peer_description(plain_output, cell, layout);
    const dnnl::algorithm algorithm = algorithm_of(cell);
    const dnnl::pooling_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, algorithm, input, output, strides, window, begin, end}, runnable->engine());
    const dnnl::pooling_backward::primitive_desc backward({algorithm, input, output, strides, window, begin, end},
                                                          runnable->engine(), forward);
    for (std::size_t set = 0; set < sets.size(); ++set) {
        const Problem<float>& p = sets[set];
        OnednnRunnable::Arguments arguments{
            {DNNL_ARG_DIFF_DST, runnable->input(plain_output, p.grad_output.data(), output)},
            {DNNL_ARG_DIFF_SRC, runnable->output(set, plain_input, p.grad_input.data(), input)}};
        if (algorithm == dnnl::algorithm::pooling_max) {
            const memory workspace(forward.workspace_desc(), runnable->engine());
            runnable->run_now(dnnl::pooling_forward(forward),
                              {{DNNL_ARG_SRC, runnable->input(plain_input, p.input.data(), input)},
                               {DNNL_ARG_DST, memory(output, runnable->engine())},
                               {DNNL_ARG_WORKSPACE, workspace}});
            arguments.emplace(DNNL_ARG_WORKSPACE, workspace);
        }
        runnable->add(set, dnnl::pooling_backward(backward), std::move(arguments));
    }
    return runnable;
}

}  // namespace backgrad::bench
