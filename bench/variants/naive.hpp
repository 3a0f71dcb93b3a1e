#pragma once

#include "variants/variant.hpp"

namespace backgrad::bench {

/// Plain loops: each gradient as its definition reads, on one thread, in the element's own type.
template <class T>
std::unique_ptr<Runnable> prepare_naive(const Cell& cell, std::span<const Problem<T>> sets);

}  // namespace backgrad::bench
