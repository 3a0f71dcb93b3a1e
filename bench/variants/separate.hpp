#pragma once

#include "variants/variant.hpp"

namespace backgrad::bench {

/// A block by backgrad's three separate operations, with whole tensors between them.
template <class T>
std::unique_ptr<Runnable> prepare_separate(const Cell& cell, std::span<const Problem<T>> sets);

extern template std::unique_ptr<Runnable> prepare_separate(const Cell&, std::span<const Problem<float>>);
extern template std::unique_ptr<Runnable> prepare_separate(const Cell&, std::span<const Problem<double>>);

}  // namespace backgrad::bench
