#include "oracle/activation.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>

namespace backgrad::oracle {
namespace {

constexpr long double pi = std::numbers::pi_v<long double>;

long double normal_distribution(long double x) { return std::erfc(-x / std::sqrt(2.0L)) / 2; }
long double normal_density(long double x) { return std::exp(-x * x / 2) / std::sqrt(2 * pi); }

/// Without overflow and without losing the digits of small results.
long double logistic(long double x) {
    if (x >= 0) return 1 / (1 + std::exp(-x));
    const long double e = std::exp(x);
    return e / (1 + e);
}

long double logistic_derivative(long double x) { return logistic(x) * logistic(-x); }

long double gelu_tanh_argument(long double x) { return std::sqrt(2 / pi) * (x + 0.044715L * x * x * x); }
long double gelu_tanh_slope(long double x) { return std::sqrt(2 / pi) * (1 + 3 * 0.044715L * x * x); }

long double default_alpha(Activation activation, double alpha) {
    if (alpha != -1) return alpha;
    return activation == Activation::elu ? 1.0L : static_cast<long double>(0.01);
}

long double derivative_from_input(Activation activation, long double a, long double x) {
    switch (activation) {
        case Activation::linear:
            return 1;
        case Activation::relu:
            return x > 0 ? 1 : 0;
        case Activation::leaky_relu:
            return x > 0 ? 1 : a;
        case Activation::sigmoid:
            return logistic_derivative(x);
        case Activation::tanh:
            return 4 * logistic_derivative(2 * x);
        case Activation::gelu_erf:
            return std::isinf(x) ? (x > 0 ? 1 : 0) : normal_distribution(x) + x * normal_density(x);
        case Activation::gelu_tanh: {
            const long double u = 2 * gelu_tanh_argument(x), slope = 2 * gelu_tanh_slope(x);
            const long double bell = logistic_derivative(u);
            return logistic(u) + (bell == 0 ? 0 : x * slope * bell);
        }
        case Activation::silu: {
            const long double bell = logistic_derivative(x);
            return logistic(x) + (bell == 0 ? 0 : x * bell);
        }
        case Activation::elu:
            return x > 0 ? 1 : a * std::exp(x);
        case Activation::softplus:
            return logistic(x);
        case Activation::hardswish:
            return x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5L;
    }
    throw std::invalid_argument("activation");
}

long double derivative_from_output(Activation activation, long double a, long double y) {
    switch (activation) {
        case Activation::linear:
            return 1;
        case Activation::relu:
            return y > 0 ? 1 : 0;
        case Activation::leaky_relu:
            return y > 0 ? 1 : a;
        case Activation::sigmoid:
            return y * (1 - y);
        case Activation::tanh:
            return 1 - y * y;
        case Activation::elu:
            return y > 0 ? 1 : y + a;
        case Activation::softplus:
            return -std::expm1(-y);
        default:
            throw std::invalid_argument("the derivative is not a function of the output");
    }
}

}  // namespace

long double activation_at(Activation activation, double alpha, long double x) {
    const long double a = default_alpha(activation, alpha);
    switch (activation) {
        case Activation::linear:
            return x;
        case Activation::relu:
            return x > 0 ? x : 0;
        case Activation::leaky_relu:
            return x > 0 ? x : a * x;
        case Activation::sigmoid:
            return logistic(x);
        case Activation::tanh:
            return std::tanh(x);
        case Activation::gelu_erf:
            return x * normal_distribution(x);
        case Activation::gelu_tanh:
            return x / 2 * (1 + std::tanh(gelu_tanh_argument(x)));
        case Activation::silu:
            return x * logistic(x);
        case Activation::elu:
            return x > 0 ? x : a * std::expm1(x);
        case Activation::softplus:
            return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
        case Activation::hardswish:
            return x * std::fmin(std::fmax(x + 3, 0.0L), 6.0L) / 6;
    }
    throw std::invalid_argument("activation");
}

long double activation_derivative_at(Activation activation, ActivationSource source, double alpha, long double value) {
    const long double a = default_alpha(activation, alpha);
    return source == ActivationSource::input ? derivative_from_input(activation, a, value)
                                             : derivative_from_output(activation, a, value);
}

template <class T>
double activation_grad_input_at(const ActivationBackwardOptions& options, const T* grad_output, const T* source,
                                std::int64_t k) {
    const long double gradient = grad_output[k];
    if (options.activation == Activation::linear) return static_cast<double>(gradient);
    const long double slope = activation_derivative_at(options.activation, options.source, options.alpha, source[k]);
    const bool selects = options.activation == Activation::relu;
    return selects && slope == 0 ? 0 : static_cast<double>(gradient * slope);
}

template <class T>
std::vector<double> activation_backward(std::int64_t elements, const ActivationBackwardOptions& options,
                                        const T* grad_output, const T* source) {
    std::vector<double> grad_input(static_cast<std::size_t>(elements));
    for (std::int64_t k = 0; k < elements; ++k)
        grad_input[static_cast<std::size_t>(k)] = activation_grad_input_at(options, grad_output, source, k);
    return grad_input;
}

template double activation_grad_input_at(const ActivationBackwardOptions&, const float*, const float*, std::int64_t);
template double activation_grad_input_at(const ActivationBackwardOptions&, const double*, const double*, std::int64_t);
template std::vector<double> activation_backward(std::int64_t, const ActivationBackwardOptions&, const float*,
                                                 const float*);
template std::vector<double> activation_backward(std::int64_t, const ActivationBackwardOptions&, const double*,
                                                 const double*);

}  // namespace backgrad::oracle
