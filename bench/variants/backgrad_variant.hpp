#pragma once

#include "variants/variant.hpp"

namespace backgrad::bench {

/// This library with the back end that the cell's variant names. Its plans read and write the plain tensors.
template <class T>
std::unique_ptr<Runnable> prepare_backgrad(const Cell& cell, std::span<const Problem<T>> sets);

}  // namespace backgrad::bench
