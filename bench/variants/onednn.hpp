#pragma once

#include "variants/variant.hpp"

namespace backgrad::bench {

/// oneDNN on the plain tensors that backgrad reads and writes. Weights alone have the layout it likes best: in plain
/// OIHW or OHWI it would fall to slower kernels.
template <class T>
std::unique_ptr<Runnable> prepare_onednn_plain(const Cell& cell, std::span<const Problem<T>> sets);

/// oneDNN on tensors in the blocked layouts that it prefers. Reorders are not timed.
template <class T>
std::unique_ptr<Runnable> prepare_onednn_blocked(const Cell& cell, std::span<const Problem<T>> sets);

}  // namespace backgrad::bench
