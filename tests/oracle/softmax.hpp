#pragma once

#include <backgrad/softmax.hpp>

#include <cstdint>
#include <vector>

/// Softmax and its gradients as their formulas read, in long double.
namespace backgrad::oracle {

/// softmax(x), in the shape's order.
std::vector<double> softmax_forward(const SoftmaxShape& shape, const double* x);

/// sum over rows of -log(softmax(x)[label]); labels outside [0, length) count nothing.
double cross_entropy(const SoftmaxShape& shape, const double* x, const std::int64_t* labels);

template <class T>
std::vector<double> softmax_backward(const SoftmaxShape& shape, ActivationSource source, const T* grad_output,
                                     const T* value);
template <class T>
std::vector<double> softmax_cross_entropy_backward(const SoftmaxShape& shape, double scale, const T* logits,
                                                   const std::int64_t* labels);

}  // namespace backgrad::oracle
