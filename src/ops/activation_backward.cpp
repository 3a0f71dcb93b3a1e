#include "isa/isa.hpp"
#include "ops/activation_tables.hpp"
#include "ops/validate.hpp"
#include "plan/element_tasks.hpp"
#include "threads/cache.hpp"
#include "threads/make_executor.hpp"

#include <backgrad/activation.hpp>
#include <backgrad/names.hpp>

#include <cmath>
#include <string>

namespace backgrad {
namespace {

using kernels::Derivative;

/// A task shorter than this costs more to hand out than to do.
constexpr std::int64_t least_task_bytes = 16 * 1024;

/// The derivative of a function by its input or by its output, where that is known.
Derivative derivative(Activation activation, ActivationSource source) {
    const bool output = source == ActivationSource::output;
    switch (activation) {
        case Activation::linear:
            return Derivative::one;
        case Activation::relu:
            return Derivative::positive;
        case Activation::leaky_relu:
            return Derivative::positive_or_alpha;
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
    throw Error("source", "input, the only source for " + std::string(name(activation)), std::string(name(source)));
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
struct ActivationBackward<T>::Implementation {
    Implementation(std::int64_t elements, const ActivationBackwardOptions& options)
        : tasks(plan::make_element_tasks(elements, sizeof(T), least_task_bytes, 1024)) {
        problem.derivative = derivative(options.activation, options.source);
        problem.alpha = static_cast<T>(resolve_alpha(options));
        if (problem.derivative == Derivative::gelu) {
            const auto& tables = activation_tables<T>();
            problem.pieces = options.activation == Activation::gelu_erf ? &tables.gelu_erf : &tables.gelu_tanh;
        }
        if (problem.derivative == Derivative::silu) problem.root = &activation_tables<T>().silu;
        problem.accumulate = options.grad_input_mode == WriteMode::accumulate;
        const std::int64_t tensors = reads_source() ? 3 : 2;
        problem.streaming =
            elements > threads::last_level_cache_bytes() / tensors / static_cast<std::int64_t>(sizeof(T));
        choose_strategy(options.strategy);
    }

    void choose_strategy(const Strategy& asked) {
        strategy = threads::resolve(asked);
        strategy.isa = isa::resolve(asked.isa);
        // Elements are all alike: there is one way to cut them and nothing to sum.
        if (strategy.partition == Partition::automatic) strategy.partition = Partition::batch_channel;
        strategy.reduction = Reduction::owner;
        kernels = &isa::table(strategy.isa).activation<T>();
        executor = threads::make_executor(strategy);
        threads::report_plan("activation_backward", strategy);
    }

    bool reads_source() const { return problem.derivative != Derivative::one; }

    plan::ElementTasks tasks;
    Strategy strategy;
    const kernels::ActivationKernels<T>* kernels = nullptr;
    std::shared_ptr<Executor> executor;
    kernels::ActivationProblem<T> problem{};
};

template <class T>
ActivationBackward<T>::ActivationBackward(std::int64_t elements, const ActivationBackwardOptions& options) {
    validate::require_non_negative("elements", elements);
    validate::checked_product("elements", {elements, 3 * static_cast<std::int64_t>(sizeof(T))});
    implementation_ = std::make_unique<Implementation>(elements, options);
}

template <class T>
ActivationBackward<T>::~ActivationBackward() = default;
template <class T>
ActivationBackward<T>::ActivationBackward(ActivationBackward&&) noexcept = default;
template <class T>
ActivationBackward<T>& ActivationBackward<T>::operator=(ActivationBackward&&) noexcept = default;

template <class T>
void ActivationBackward<T>::execute(const ActivationBackwardArguments<T>& arguments) const {
    const Implementation& self = *implementation_;
    const std::int64_t elements = self.tasks.elements;
    validate::require_pointer("grad_output", arguments.grad_output, elements);
    if (self.reads_source()) validate::require_pointer("source", arguments.source, elements);
    validate::require_pointer("grad_input", arguments.grad_input, elements);
    // The loop always reads two tensors; for the linear function it looks at neither value of the second.
    const kernels::ActivationTensors<T> tensors{
        arguments.grad_output, self.reads_source() ? arguments.source : arguments.grad_output, arguments.grad_input};
    threads::run(*self.executor, self.tasks.count, [&](std::int64_t task, int) noexcept {
        self.kernels->backward(self.problem, tensors, self.tasks.begin(task), self.tasks.end(task));
    });
}

template <class T>
const Strategy& ActivationBackward<T>::strategy() const noexcept {
    return implementation_->strategy;
}

template class ActivationBackward<float>;
template class ActivationBackward<double>;

}  // namespace backgrad
