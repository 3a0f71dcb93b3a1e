#include "isa/isa.hpp"
#include "ops/activation_problem.hpp"
#include "ops/phase_executor.hpp"
#include "ops/validate.hpp"
#include "plan/element_tasks.hpp"
#include "threads/cache.hpp"
#include "threads/make_executor.hpp"

#include <backgrad/activation.hpp>

#include <cstdint>

namespace backgrad {
namespace {

/// A task shorter than this costs more to hand out than to do.
constexpr std::int64_t least_task_bytes = 16 * 1024;

}  // namespace

template <class T>
struct ActivationBackward<T>::Implementation {
    Implementation(std::int64_t elements, const ActivationBackwardOptions& options)
        : tasks(plan::make_element_tasks(elements, sizeof(T), least_task_bytes, 1024)),
          problem(make_activation_problem<T>(options)) {
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
        const double bytes = static_cast<double>(tasks.elements) * 3 * sizeof(T);
        executor = ops::phase_executor(threads::make_executor(strategy), asked, strategy, plan::moving_cycles(bytes));
        threads::report_plan("activation_backward", strategy);
    }

    bool reads_source() const { return problem.derivative != kernels::Derivative::one; }

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
