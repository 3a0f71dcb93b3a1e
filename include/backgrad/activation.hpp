#pragma once

#include <backgrad/export.h>
#include <backgrad/error.hpp>
#include <backgrad/strategy.hpp>
#include <backgrad/types.hpp>

#include <cstdint>
#include <memory>

namespace backgrad {

/// Activation functions f. x is the input, y = f(x) the output, a is ActivationBackwardOptions::alpha.
enum class Activation {
    linear,      ///< x;                         f' = 1
    relu,        ///< max(x, 0);                 f' = x > 0 ? 1 : 0
    leaky_relu,  ///< x > 0 ? x : a x;           f' = x > 0 ? 1 : a (also at exactly 0), default a = 0.01
    sigmoid,     ///< 1 / (1 + exp(-x));         f' = y (1 - y)
    tanh,        ///< tanh(x);                   f' = 1 - y^2
    gelu_erf,    ///< x Phi(x);                  f' = Phi(x) + x phi(x), Phi and phi of the standard normal
    gelu_tanh,   ///< x/2 (1 + tanh(u));         u = sqrt(2/pi) (x + 0.044715 x^3), f' = its derivative
    silu,        ///< x s, s = sigmoid(x);       f' = s (1 + x (1 - s))
    elu,         ///< x > 0 ? x : a (e^x - 1);   f' = x > 0 ? 1 : a e^x, default a = 1
    softplus,    ///< log(1 + exp(x));           f' = sigmoid(x)
    hardswish,   ///< x min(max(x + 3, 0), 6)/6; f' = x <= -3 ? 0 : x >= 3 ? 1 : x/3 + 1/2
};

/// Which tensor of the forward pass the derivative is computed from.
enum class ActivationSource {
    input,   ///< x
    output,  ///< y; defined for linear, relu, leaky_relu (a > 0), sigmoid, tanh, elu (a > 0) and softplus
};

/// Options of an activation's backward pass.
struct ActivationBackwardOptions {
    Activation activation = Activation::relu;
    ActivationSource source = ActivationSource::input;
    double alpha = -1;  ///< slope of leaky_relu, scale of elu; -1: the function's default
    WriteMode grad_input_mode = WriteMode::overwrite;
    Strategy strategy{};
};

/// Tensors of one execution, all of one shape and layout. grad_input may be grad_output or source itself (in place);
/// it may not overlap them otherwise.
template <class T>
struct ActivationBackwardArguments {
    const T* grad_output = nullptr;
    const T* source = nullptr;  ///< input or output, as the plan says; not read for linear
    T* grad_input = nullptr;
};

/// Plan of an activation's backward pass for T = float or double: grad_input[k] = grad_output[k] * f'(x[k]).
/// ReLU and leaky ReLU select, they do not multiply by 0 or 1: where f' = 0 the result is +0 whatever grad_output is.
/// Source: the derivatives stand beside the names; Hendrycks and Gimpel 2016 (GELU), Elfwing et al. 2017 (SiLU),
/// Clevert et al. 2015 (ELU), Howard et al. 2019 (hardswish).
template <class T>
class BACKGRAD_EXPORT ActivationBackward {
public:
    /// For tensors of `elements` elements. Validates everything. Throws Error.
    explicit ActivationBackward(std::int64_t elements, const ActivationBackwardOptions& options = {});
    ~ActivationBackward();
    ActivationBackward(ActivationBackward&&) noexcept;
    ActivationBackward& operator=(ActivationBackward&&) noexcept;

    /// Computes grad_input. Throws Error for a null pointer before anything is written; allocates nothing.
    void execute(const ActivationBackwardArguments<T>& arguments) const;

    /// The strategy as resolved; partition and reduction stay automatic where the shape decides.
    const Strategy& strategy() const noexcept;

private:
    struct BACKGRAD_HIDDEN Implementation;
    std::unique_ptr<Implementation> implementation_;
};

extern template class ActivationBackward<float>;
extern template class ActivationBackward<double>;

}  // namespace backgrad
