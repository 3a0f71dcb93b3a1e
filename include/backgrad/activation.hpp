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
    mask,    ///< one bit per element, x > 0, as make_activation_mask saves it; defined for relu and leaky_relu
};

/// Bytes of the mask of `elements` elements: a bit each, the last byte filled up. Throws Error for a negative number.
BACKGRAD_EXPORT std::int64_t activation_mask_bytes(std::int64_t elements);

/// Saves what the backward passes of ReLU and leaky ReLU need to know of their input: bit k % 8 (counted from the least
/// significant one) of byte k / 8 is input[k] > 0, so a NaN gives 0; bits behind the last element are 0. The output of
/// either function, with a positive slope, gives the same mask. Runs on the calling thread; to share the work, cut the
/// tensor at multiples of 8 elements. `mask_bytes` is what the caller has at `mask`. Throws Error for a null pointer
/// and for fewer bytes than activation_mask_bytes(elements), before anything is written. T = float or double.
template <class T>
BACKGRAD_EXPORT void make_activation_mask(std::int64_t elements, const T* input, std::uint8_t* mask,
                                          std::int64_t mask_bytes);

/// Options of an activation's backward pass.
struct ActivationBackwardOptions {
    Activation activation = Activation::relu;
    ActivationSource source = ActivationSource::input;
    double alpha = -1;  ///< slope of leaky_relu, scale of elu; -1: the function's default
    WriteMode grad_input_mode = WriteMode::overwrite;
    Strategy strategy{};
};

/// Tensors of one execution, all of one shape and layout. grad_input may be grad_output or source itself (in place);
/// it may not overlap them otherwise, nor the mask.
template <class T>
struct ActivationBackwardArguments {
    const T* grad_output = nullptr;
    const T* source = nullptr;  ///< input or output, as the plan says; not read for linear
    T* grad_input = nullptr;
    const std::uint8_t* mask = nullptr;  ///< for ActivationSource::mask, in place of the source
    std::int64_t mask_bytes = 0;         ///< at `mask`; at least activation_mask_bytes(elements)
};

/// Plan of an activation's backward pass for T = float or double: grad_input[k] = grad_output[k] * f'(x[k]).
/// ReLU and leaky ReLU select, they do not multiply by 0 or 1: where f' = 0 the result is +0 whatever grad_output is. A
/// NaN counts as not positive. From a mask they move 8 1/8 bytes per float and not 12, and give the same bits.
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

    /// Computes grad_input. Throws Error for a null pointer and for a mask that is too small before anything is
    /// written; allocates nothing.
    void execute(const ActivationBackwardArguments<T>& arguments) const;

    /// The strategy as resolved; partition and reduction stay automatic where the shape decides.
    const Strategy& strategy() const noexcept;

private:
    struct BACKGRAD_HIDDEN Implementation;
    std::unique_ptr<Implementation> implementation_;
};

extern template void make_activation_mask(std::int64_t, const float*, std::uint8_t*, std::int64_t);
extern template void make_activation_mask(std::int64_t, const double*, std::uint8_t*, std::int64_t);
extern template class ActivationBackward<float>;
extern template class ActivationBackward<double>;

}  // namespace backgrad
