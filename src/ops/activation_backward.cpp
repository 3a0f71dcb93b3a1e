#include "isa/isa.hpp"
#include "ops/activation_problem.hpp"
#include "ops/phase_executor.hpp"
#include "ops/validate.hpp"
#include "plan/element_tasks.hpp"
#include "threads/cache.hpp"
#include "threads/make_executor.hpp"

#include <backgrad/activation.hpp>

#include <cstdint>
#include <string>

namespace backgrad {
namespace {

/// A task shorter than this costs more to hand out than to do.
constexpr std::int64_t least_task_bytes = 16 * 1024;

void require_mask(const std::uint8_t* mask, std::int64_t bytes, std::int64_t elements) {
    validate::require_pointer("mask", mask, elements);
    const std::int64_t least = activation_mask_bytes(elements);
    if (bytes < least) throw Error("mask_bytes", "at least " + std::to_string(least), std::to_string(bytes));
}

}  // namespace

std::int64_t activation_mask_bytes(std::int64_t elements) {
    validate::require_non_negative("elements", elements);
    return elements / 8 + (elements % 8 == 0 ? 0 : 1);
}

template <class T>
void make_activation_mask(std::int64_t elements, const T* input, std::uint8_t* mask, std::int64_t mask_bytes) {
    require_mask(mask, mask_bytes, elements);
    validate::require_pointer("input", input, elements);
    isa::table(isa::resolve(Isa::automatic)).activation<T>().make_mask(input, elements, mask);
}

template <class T>
struct ActivationBackward<T>::Implementation {
    Implementation(std::int64_t elements, const ActivationBackwardOptions& options)
        : tasks(plan::make_element_tasks(elements, sizeof(T), least_task_bytes, 1024)),
          problem(make_activation_problem<T>(options)) {
        const std::int64_t bytes = elements * tensors() * static_cast<std::int64_t>(sizeof(T));
        problem.streaming = bytes > threads::last_level_cache_bytes();
        choose_strategy(options.strategy);
    }

    void choose_strategy(const Strategy& asked) {
        strategy = threads::resolve(asked);
        strategy.isa = isa::resolve(asked.isa);
        // Elements are all alike: there is one way to cut them and nothing to sum.
        if (strategy.partition == Partition::automatic) strategy.partition = Partition::batch_channel;
        strategy.reduction = Reduction::owner;
        kernels = &isa::table(strategy.isa).activation<T>();
        const double bytes = static_cast<double>(tasks.elements * tensors()) * sizeof(T);
        executor = ops::phase_executor(threads::make_executor(strategy), asked, strategy, plan::moving_cycles(bytes));
        threads::report_plan("activation_backward", strategy);
    }

    bool reads_mask() const {
        return problem.derivative == kernels::Derivative::positive_by_mask ||
               problem.derivative == kernels::Derivative::positive_or_alpha_by_mask;
    }
    bool reads_source() const { return problem.derivative != kernels::Derivative::one && !reads_mask(); }
    /// Beside them, a mask is too small to count.
    std::int64_t tensors() const { return reads_source() ? 3 : 2; }

    plan::ElementTasks tasks;
    kernels::ActivationProblem<T> problem;
    Strategy strategy;
    const kernels::ActivationKernels<T>* kernels = nullptr;
    std::shared_ptr<Executor> executor;
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
    if (self.reads_mask()) require_mask(arguments.mask, arguments.mask_bytes, elements);
    // The loop always reads two tensors; for the linear function it looks at neither value of the second.
    const kernels::ActivationTensors<T> tensors{arguments.grad_output,
                                                self.reads_source() ? arguments.source : arguments.grad_output,
                                                arguments.grad_input, arguments.mask};
    threads::run(*self.executor, self.tasks.count, [&](std::int64_t task, int) noexcept {
        self.kernels->backward(self.problem, tensors, self.tasks.begin(task), self.tasks.end(task));
    });
}

template <class T>
const Strategy& ActivationBackward<T>::strategy() const noexcept {
    return implementation_->strategy;
}

template void make_activation_mask(std::int64_t, const float*, std::uint8_t*, std::int64_t);
template void make_activation_mask(std::int64_t, const double*, std::uint8_t*, std::int64_t);
template class ActivationBackward<float>;
template class ActivationBackward<double>;

}  // namespace backgrad
