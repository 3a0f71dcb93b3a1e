#pragma once

#include <functional>
#include <vector>

namespace backgrad::plan {

using RealFunction = std::function<long double(long double)>;

/// Coefficients a[0] to a[degree] of the polynomial sum of a[k] * (x - center)^k that equals f at the Chebyshev nodes
/// of [low, high]: for a smooth function within a factor of two or three of the best.
/// Source: Trefethen, "Approximation Theory and Approximation Practice", chapters 4 and 15.
std::vector<long double> fit_polynomial(const RealFunction& f, long double low, long double high, long double center,
                                        int degree);

/// The root of f in [low, high], where f changes its sign, by bisection to the last digit.
long double find_root(const RealFunction& f, long double low, long double high);

}  // namespace backgrad::plan
