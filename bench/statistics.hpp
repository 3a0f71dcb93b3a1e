#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace backgrad::bench {

/// Quantile `q` in [0, 1] of values, which are not empty; between two of them linearly.
inline double quantile(std::vector<double> values, double q) {
    std::sort(values.begin(), values.end());
    const double place = q * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

/// The geometric mean of positive values, which are not empty.
inline double geometric_mean(const std::vector<double>& values) {
    double logarithms = 0;
    for (const double value : values) logarithms += std::log(value);
    return std::exp(logarithms / static_cast<double>(values.size()));
}

}  // namespace backgrad::bench
