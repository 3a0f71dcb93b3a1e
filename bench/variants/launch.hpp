#pragma once

#include "variants/variant.hpp"

#include <backgrad/strategy.hpp>

namespace backgrad::bench {

/// An empty task for each worker of the strategy's executor: what one phase of a plan costs beyond its work.
std::unique_ptr<Runnable> prepare_launch(const Strategy& strategy, std::unique_ptr<Executor> lent);

/// A `#pragma omp parallel` with nothing in it, what launches are compared with. Does nothing else.
template <class T>
std::unique_ptr<Runnable> prepare_bare_region(const Cell& cell, std::span<const Problem<T>> sets);

}  // namespace backgrad::bench
