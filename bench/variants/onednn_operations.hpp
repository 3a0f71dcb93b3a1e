#pragma once

#include "variants/onednn_tensors.hpp"

namespace backgrad::bench {

/// What oneDNN may do to the layouts of input, grad_output and grad_input.
enum class PeerLayout { plain, blocked };

using Problems = std::span<const Problem<float>>;

std::unique_ptr<Runnable> prepare_onednn_conv2d(const Cell& cell, Problems sets, PeerLayout layout);
std::unique_ptr<Runnable> prepare_onednn_pool2d(const Cell& cell, Problems sets, PeerLayout layout);
std::unique_ptr<Runnable> prepare_onednn_activation(const Cell& cell, Problems sets, PeerLayout layout);

/// The tensor in the layout that a primitive without a preference of its own runs on.
dnnl::memory::desc peer_description(const dnnl::memory::desc& plain, const Cell& cell, PeerLayout layout);

}  // namespace backgrad::bench
