#include "variants/naive_loops.hpp"

#include <numbers>

namespace backgrad::bench {
namespace {

template <class T>
T sigmoid(T x) {
    return 1 / (1 + std::exp(-x));
}

template <class T>
T gelu_erf_derivative(T x) {
    const T root_half = std::numbers::sqrt2_v<T> / 2;
    const T density = std::exp(-x * x / 2) * std::numbers::inv_sqrtpi_v<T> * root_half;
    return std::erfc(-x * root_half) / 2 + x * density;
}

template <class T>
T gelu_tanh_derivative(T x) {
    const T scale = std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T>;
    const T cubic = T(0.044715);
    const T t = std::tanh(scale * (x + cubic * x * x * x));
    return (1 + t) / 2 + x / 2 * (1 - t * t) * scale * (1 + 3 * cubic * x * x);
}

template <class T>
T silu_derivative(T x) {
    const T s = sigmoid(x);
    return s * (1 + x * (1 - s));
}

template <class T>
T hardswish_derivative(T x) {
    if (x <= -3) return 0;
    return x >= 3 ? T(1) : x / 3 + T(0.5);
}

template <class T>
T derivative(Activation activation, T x) {
    switch (activation) {
        case Activation::linear:
            return 1;
        case Activation::relu:
            return x > 0 ? T(1) : T(0);
        case Activation::leaky_relu:
            return x > 0 ? T(1) : T(0.01);
        case Activation::sigmoid:
            return sigmoid(x) * (1 - sigmoid(x));
        case Activation::tanh:
            return 1 - std::tanh(x) * std::tanh(x);
        case Activation::gelu_erf:
            return gelu_erf_derivative(x);
        case Activation::gelu_tanh:
            return gelu_tanh_derivative(x);
        case Activation::silu:
            return silu_derivative(x);
        case Activation::elu:
            return x > 0 ? T(1) : std::exp(x);
        case Activation::softplus:
            return sigmoid(x);
        case Activation::hardswish:
            break;
    }
    return hardswish_derivative(x);
}

}  // namespace

template <class T>
void naive_activation(const std::string& mode, const Tensor<T>& grad_output, const Tensor<T>& input,
                      const Tensor<T>& grad_input) {
    const Activation activation = activation_mode(mode).activation;
    for (std::int64_t k = 0; k < input.elements(); ++k) {
        grad_input.data()[k] = grad_output.data()[k] * derivative(activation, input.data()[k]);
    }
}

template void naive_activation(const std::string&, const Tensor<float>&, const Tensor<float>&, const Tensor<float>&);
template void naive_activation(const std::string&, const Tensor<double>&, const Tensor<double>&, const Tensor<double>&);

}  // namespace backgrad::bench
