#pragma once

#include <backgrad/activation.hpp>

#include <cstdint>
#include <vector>

/// Activation functions and their derivatives as their formulas read, in long double.
namespace backgrad::oracle {

/// f(x). `alpha` as in ActivationBackwardOptions: -1 is the function's default.
long double activation_at(Activation activation, double alpha, long double x);

/// f' from the input x or the output y, as `source` says. Throws std::invalid_argument where f' is not a function of y.
long double activation_derivative_at(Activation activation, ActivationSource source, double alpha, long double value);

/// grad_input[k] = grad_output[k] * f'. ReLU selects: where f' = 0 the result is 0 whatever
/// grad_output[k] is.
template <class T>
double activation_grad_input_at(const ActivationBackwardOptions& options, const T* grad_output, const T* source,
                                std::int64_t k);
template <class T>
std::vector<double> activation_backward(std::int64_t elements, const ActivationBackwardOptions& options,
                                        const T* grad_output, const T* source);

}  // namespace backgrad::oracle
