#include "ops/activation_tables.hpp"

#include "plan/polynomial_fit.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace backgrad {
namespace {

using Real = long double;

constexpr Real pi = std::numbers::pi_v<Real>;

/// Phi(x) + x phi(x)
Real gelu_erf_derivative(Real x) {
    return std::erfc(-x / std::sqrt(2.0L)) / 2 + x * std::exp(-x * x / 2) / std::sqrt(2 * pi);
}

/// d/dx of x s, s the logistic function of v(x): s (1 + x v' (1 - s)).
Real gated_derivative(Real x, Real v, Real slope) {
    const Real e = std::exp(v), s = e / (1 + e);
    return s * (1 + x * slope / (1 + e));
}

/// x/2 (1 + tanh(u)) = x s(2 u)
Real gelu_tanh_derivative(Real x) {
    const Real factor = 2 * std::sqrt(2 / pi), cubic = 0.044715L;
    return gated_derivative(x, factor * (x + cubic * x * x * x), factor * (1 + 3 * cubic * x * x));
}

/// Where pieces end: the pieces are all of one width, and the root of f is the center of the second one, so that the
/// polynomial is exact where the function is small. `limit` is where the function may count as zero.
template <class T>
kernels::PiecewisePolynomial<T> make_pieces(const plan::RealFunction& f, Real limit) {
    using Pieces = kernels::PiecewisePolynomial<T>;
    Pieces result{};
    const Real root = plan::find_root(f, -1.5L, -0.3L);
    // offset = 1.5 width + root, and the last piece ends at the limit: 8 width - offset = limit.
    const Real width = (limit + root) / (Pieces::pieces - 1.5L), offset = 1.5L * width + root;
    result.limit = static_cast<T>(limit);
    result.offset = static_cast<T>(offset);
    result.scale = static_cast<T>(1 / width);
    for (int k = 0; k < Pieces::pieces; ++k) {
        const Real high = std::min(offset - static_cast<Real>(k) * width, 0.0L);
        const Real low = offset - static_cast<Real>(k + 1) * width;
        // Beyond the root the function falls off, and rounding errors are those of the value at the center: it lies
        // towards the lower end.
        const Real between = k < 2 ? 0.5L : 0.2L;
        result.center[k] = static_cast<T>(k == 1 ? root : low + between * (high - low));
        const auto coefficients =
            plan::fit_polynomial(f, low, high, static_cast<Real>(result.center[k]), Pieces::degree);
        for (int j = 0; j <= Pieces::degree; ++j) {
            result.coefficient[j][k] = static_cast<T>(coefficients[static_cast<std::size_t>(j)]);
        }
    }
    return result;
}

template <class T>
kernels::ActivationTables<T> make_tables() {
    constexpr bool single = sizeof(T) == 4;
    return {
        // Beyond these limits the derivatives are below 1e-11 (float) and 1e-19 (double).
        .gelu_erf = make_pieces<T>(gelu_erf_derivative, single ? 7.2L : 9.6L),
        .gelu_tanh = make_pieces<T>(gelu_tanh_derivative, single ? 6.4L : 8.1L),
    };
}

}  // namespace

template <class T>
const kernels::ActivationTables<T>& activation_tables() {
    static const kernels::ActivationTables<T> tables = make_tables<T>();
    return tables;
}

template const kernels::ActivationTables<float>& activation_tables<float>();
template const kernels::ActivationTables<double>& activation_tables<double>();

}  // namespace backgrad
