#pragma once

#include "kernels/softmax_kernels.hpp"

#include <cstdint>

/// What the activation kernels are told. Plain structs, filled by plan/ and ops/, read by kernels/.
namespace backgrad::kernels {

/// The derivatives that the kernels know, each from one tensor of the forward pass.
enum class Derivative {
    one,
    positive,           ///< relu, from x or y
    positive_or_alpha,  ///< leaky relu, from x or y
    positive_by_mask,
    positive_or_alpha_by_mask,
    sigmoid,            ///< from x
    sigmoid_of_output,  ///< from y
    tanh,
    tanh_of_output,
    gelu,  ///< either form: the table tells
    silu,
    elu,
    elu_of_output,
    softplus,
    softplus_of_output,
    hardswish,
};

/// A function of t = -|x| on [-limit, 0] as polynomials on 8 pieces: piece k = trunc((offset - t) * scale), at most 7,
/// and the value is the sum of coefficient[j][k] * (t - center[k])^j. Beyond the limit the function counts as zero.
template <class T>
struct PiecewisePolynomial {
    static constexpr int pieces = 8;
    static constexpr int degree = sizeof(T) == 4 ? 10 : 24;

    T limit, offset, scale;
    T center[pieces];
    T coefficient[degree + 1][pieces];
};

/// The numbers behind the derivatives that no short formula gives to the last digits.
template <class T>
struct ActivationTables {
    PiecewisePolynomial<T> gelu_erf, gelu_tanh;
};

template <class T>
struct ActivationProblem {
    Derivative derivative;
    T alpha;
    const PiecewisePolynomial<T>* pieces;  ///< gelu
    bool accumulate;
    bool streaming;  ///< non-temporal stores
};

template <class T>
struct ActivationTensors {
    const T* grad_output;
    const T* source;
    T* grad_input;
    const std::uint8_t* mask;  ///< bit k % 8 of byte k / 8: x > 0
};

/// The activation kernels of one ISA. `backward` computes the elements [begin, end).
template <class T>
struct ActivationKernels {
    void (*backward)(const ActivationProblem<T>&, const ActivationTensors<T>&, std::int64_t begin,
                     std::int64_t end) noexcept;
    /// Makes the mask of `elements` elements.
    void (*make_mask)(const T* input, std::int64_t elements, std::uint8_t* mask) noexcept;
    SoftmaxKernel<T> softmax, softmax_cross_entropy;
};

}  // namespace backgrad::kernels
