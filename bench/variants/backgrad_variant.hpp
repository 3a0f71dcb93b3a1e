#pragma once

#include "plan/conv2d_blockings.hpp"
#include "variants/variant.hpp"

#include <backgrad/conv2d.hpp>

namespace backgrad::bench {

/// This library with the back end that the cell's variant names. Its plans read and write the plain tensors.
template <class T>
std::unique_ptr<Runnable> prepare_backgrad(const Cell& cell, std::span<const Problem<T>> sets);

/// What a convolution's plan for the cell chooses from, and the plan with one of these.
template <class T>
std::vector<plan::KnownBlocking> blockings_of(const Cell& cell);
template <class T>
std::unique_ptr<Runnable> prepare_blocking(const Cell& cell, const plan::Conv2dBlocking& blocking,
                                           std::span<const Problem<T>> sets);

/// The options of a convolution's plan. `pool` is lent for the variant `callback` unless the cell has an executor.
Conv2dBackwardOptions conv2d_options(const Cell& cell, Executor* pool);

}  // namespace backgrad::bench
