#pragma once

#include <algorithm>
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

}  // namespace backgrad::bench
