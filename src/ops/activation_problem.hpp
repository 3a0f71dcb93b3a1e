#pragma once

#include "kernels/activation_kernels.hpp"

#include <backgrad/activation.hpp>

#include <string>

namespace backgrad {

/// What the kernels are told of an activation. Validates the options, throws Error, where the source goes by the name
/// given. Streaming is left off.
template <class T>
kernels::ActivationProblem<T> make_activation_problem(const ActivationBackwardOptions& options,
                                                      const std::string& source_name = "source");

extern template kernels::ActivationProblem<float> make_activation_problem<float>(const ActivationBackwardOptions&,
                                                                                 const std::string&);
extern template kernels::ActivationProblem<double> make_activation_problem<double>(const ActivationBackwardOptions&,
                                                                                   const std::string&);

}  // namespace backgrad
