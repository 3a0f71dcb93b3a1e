#include "plan/polynomial_fit.hpp"

#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>

namespace backgrad::plan {
namespace {

/// Chebyshev coefficients of the interpolant at the nodes cos(pi (i + 1/2) / n).
std::vector<long double> chebyshev_coefficients(const RealFunction& f, long double center, long double half_width,
                                                std::size_t n) {
    std::vector<long double> coefficients(n, 0.0L);
    for (std::size_t i = 0; i < n; ++i) {
        const long double angle =
            std::numbers::pi_v<long double> * (static_cast<long double>(i) + 0.5L) / static_cast<long double>(n);
        const long double value = f(center + half_width * std::cos(angle));
        for (std::size_t k = 0; k < n; ++k) {
            coefficients[k] += (k == 0 ? 1.0L : 2.0L) * value * std::cos(static_cast<long double>(k) * angle) /
                               static_cast<long double>(n);
        }
    }
    return coefficients;
}

/// From powers of x - from to powers of x - to, by Horner's scheme.
void shift(std::vector<long double>& coefficients, long double from, long double to) {
    const std::size_t n = coefficients.size();
    for (std::size_t done = 0; done < n; ++done) {
        for (std::size_t k = n - 1; k > done; --k) coefficients[k - 1] += (to - from) * coefficients[k];
    }
}

}  // namespace

std::vector<long double> fit_polynomial(const RealFunction& f, long double low, long double high, long double center,
                                        int degree) {
    const std::size_t n = static_cast<std::size_t>(degree) + 1;
    const long double middle = (low + high) / 2, half_width = (high - low) / 2;
    const std::vector<long double> chebyshev = chebyshev_coefficients(f, middle, half_width, n);
    // T[k + 1](u) = 2 u T[k](u) - T[k - 1](u), each as a list of powers of u = (x - middle) / half_width.
    std::vector<long double> previous(n, 0.0L), current(n, 0.0L), sum(n, 0.0L);
    current[0] = 1;
    for (std::size_t k = 0; k < n; ++k) {
        std::vector<long double> next(n, 0.0L);
        for (std::size_t power = 0; power < n; ++power) {
            sum[power] += chebyshev[k] * current[power];
            if (power + 1 < n) next[power + 1] += (k == 0 ? 1.0L : 2.0L) * current[power];
            next[power] -= previous[power];
        }
        previous = std::exchange(current, next);
    }
    long double scale = 1;
    for (long double& coefficient : sum) {
        coefficient *= scale;
        scale /= half_width;
    }
    shift(sum, middle, center);
    return sum;
}

long double find_root(const RealFunction& f, long double low, long double high) {
    const bool low_is_negative = f(low) < 0;
    for (;;) {
        const long double middle = (low + high) / 2;
        if (middle <= low || middle >= high) return middle;
        ((f(middle) < 0) == low_is_negative ? low : high) = middle;
    }
}

}  // namespace backgrad::plan
