#pragma once

#include <functional>
#include <vector>

namespace backgrad::oracle {

/// The gradient of a scalar function by central differences, (f(x + step) - f(x - step)) / (2 step) per element. The
/// error is of the order of step^2 times the third derivative: none at all for a function that is linear in x.
std::vector<double> finite_difference(const std::function<double(const std::vector<double>&)>& function,
                                      std::vector<double> x, double step = 1e-4);

/// sum of a[k] * b[k]: the scalar whose gradient is grad_input when a = grad_output and b is the forward pass.
double dot(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace backgrad::oracle
