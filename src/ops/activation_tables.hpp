#pragma once

#include "kernels/activation_kernels.hpp"

namespace backgrad {

/// Computed once in a process, in long double, from the formulas of the derivatives. Throws std::bad_alloc.
template <class T>
const kernels::ActivationTables<T>& activation_tables();

extern template const kernels::ActivationTables<float>& activation_tables<float>();
extern template const kernels::ActivationTables<double>& activation_tables<double>();

}  // namespace backgrad
