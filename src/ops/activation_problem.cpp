#include "ops/activation_problem.hpp"

#include "ops/activation_tables.hpp"

#include <backgrad/names.hpp>

#include <cmath>
#include <string>

namespace backgrad {
namespace {

using kernels::Derivative;

/// Two slopes, told apart by the sign of the input alone.
bool has_mask(Activation activation) { return activation == Activation::relu || activation == Activation::leaky_relu; }

/// The derivative of a function by its input, its output or a mask, where that is known.
Derivative derivative(Activation activation, ActivationSource source, const std::string& source_name) {
    const bool output = source == ActivationSource::output, mask = source == ActivationSource::mask;
    if (mask && !has_mask(activation)) {
        throw Error(source_name, "mask with relu or leaky_relu only", "mask with " + std::string(name(activation)));
    }
    switch (activation) {
        case Activation::linear:
            return Derivative::one;
        case Activation::relu:
            return mask ? Derivative::positive_by_mask : Derivative::positive;
        case Activation::leaky_relu:
            return mask ? Derivative::positive_or_alpha_by_mask : Derivative::positive_or_alpha;
        case Activation::sigmoid:
            return output ? Derivative::sigmoid_of_output : Derivative::sigmoid;
        case Activation::tanh:
            return output ? Derivative::tanh_of_output : Derivative::tanh;
        case Activation::elu:
            return output ? Derivative::elu_of_output : Derivative::elu;
        case Activation::softplus:
            return output ? Derivative::softplus_of_output : Derivative::softplus;
        case Activation::gelu_erf:
        case Activation::gelu_tanh:
            if (!output) return Derivative::gelu;
            break;
        case Activation::silu:
            if (!output) return Derivative::silu;
            break;
        case Activation::hardswish:
            if (!output) return Derivative::hardswish;
            break;
    }
    throw Error(source_name, "input, the only source for " + std::string(name(activation)), std::string(name(source)));
}

bool uses_alpha(Activation activation) { return activation == Activation::leaky_relu || activation == Activation::elu; }

/// The value of alpha; checks it where it counts.
double resolve_alpha(const ActivationBackwardOptions& options) {
    if (!uses_alpha(options.activation)) return 0;
    if (options.alpha == -1) return options.activation == Activation::elu ? 1.0 : 0.01;
    if (!std::isfinite(options.alpha)) throw Error("alpha", "a finite number", std::to_string(options.alpha));
    if (options.source == ActivationSource::output && options.alpha <= 0) {
        throw Error("alpha", "a positive number with source = output", std::to_string(options.alpha));
    }
    return options.alpha;
}

}  // namespace

template <class T>
kernels::ActivationProblem<T> make_activation_problem(const ActivationBackwardOptions& options,
                                                      const std::string& source_name) {
    kernels::ActivationProblem<T> problem{};
    problem.derivative = derivative(options.activation, options.source, source_name);
    problem.alpha = static_cast<T>(resolve_alpha(options));
    if (problem.derivative == Derivative::gelu) {
        const auto& tables = activation_tables<T>();
        problem.pieces = options.activation == Activation::gelu_erf ? &tables.gelu_erf : &tables.gelu_tanh;
    }
    problem.accumulate = options.grad_input_mode == WriteMode::accumulate;
    return problem;
}

template kernels::ActivationProblem<float> make_activation_problem<float>(const ActivationBackwardOptions&,
                                                                          const std::string&);
template kernels::ActivationProblem<double> make_activation_problem<double>(const ActivationBackwardOptions&,
                                                                            const std::string&);

}  // namespace backgrad
