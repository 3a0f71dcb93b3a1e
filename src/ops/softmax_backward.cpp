#include "isa/isa.hpp"
#include "ops/validate.hpp"
#include "plan/element_tasks.hpp"
#include "threads/cache.hpp"
#include "threads/make_executor.hpp"

#include <backgrad/names.hpp>
#include <backgrad/softmax.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <string_view>

namespace backgrad {
namespace {

void validate_shape(const SoftmaxShape& shape, std::int64_t element_bytes) {
    validate::require_non_negative("outer", shape.outer);
    validate::require_non_negative("length", shape.length);
    validate::require_non_negative("inner", shape.inner);
    if (shape.length > std::numeric_limits<std::int32_t>::max()) {
        throw Error("length", "below 2^31", std::to_string(shape.length));
    }
    validate::checked_product("outer * inner", {shape.outer, shape.inner});
    validate::checked_elements("source", {shape.outer, shape.length, shape.inner}, 3 * element_bytes);
}

/// What the two operations have in common: units of work, strategy and executor.
template <class T>
class SoftmaxRun {
public:
    SoftmaxRun(std::string_view operation, const SoftmaxShape& shape, bool from_logits, WriteMode mode,
               const Strategy& asked, std::int64_t tensors)
        : elements_(shape.outer * shape.length * shape.inner),
          rows_(shape.outer * shape.inner),
          tasks_(make_tasks(shape)) {
        problem_.length = shape.length;
        problem_.inner = shape.inner;
        problem_.from_logits = from_logits;
        problem_.accumulate = mode == WriteMode::accumulate;
        problem_.streaming =
            elements_ > threads::last_level_cache_bytes() / tensors / static_cast<std::int64_t>(sizeof(T));
        strategy_ = threads::resolve(asked);
        strategy_.isa = isa::resolve(asked.isa);
        // Rows are all alike, and each is summed by one task.
        if (strategy_.partition == Partition::automatic) strategy_.partition = Partition::batch;
        strategy_.reduction = Reduction::owner;
        kernels_ = &isa::table(strategy_.isa).activation<T>();
        executor_ = threads::make_executor(strategy_);
        threads::report_plan(operation, strategy_);
    }

    void set_scale(T scale) { problem_.scale = scale; }
    std::int64_t elements() const { return elements_; }
    std::int64_t rows() const { return rows_; }
    const Strategy& strategy() const noexcept { return strategy_; }
    const kernels::ActivationKernels<T>& kernels() const noexcept { return *kernels_; }

    void run(kernels::SoftmaxKernel<T> kernel, const kernels::SoftmaxTensors<T>& tensors) const noexcept {
        threads::run(*executor_, tasks_.count, [&](std::int64_t task, int) noexcept {
            kernel(problem_, tensors, tasks_.begin(task), tasks_.end(task));
        });
    }

private:
    static plan::ElementTasks make_tasks(const SoftmaxShape& shape) {
        if (shape.length == 0 || shape.inner == 0) return {0, 1, 0};
        const std::int64_t unit = shape.inner == 1 ? 1 : kernels::softmax_unit;
        const std::int64_t units = shape.outer * (shape.inner / unit + (shape.inner % unit != 0));
        return plan::make_element_tasks(units, sizeof(T) * static_cast<std::size_t>(unit * shape.length),
                                        least_task_bytes, 1);
    }

    static constexpr std::int64_t least_task_bytes = 16 * 1024;

    std::int64_t elements_, rows_;
    plan::ElementTasks tasks_;
    Strategy strategy_;
    const kernels::ActivationKernels<T>* kernels_ = nullptr;
    std::shared_ptr<Executor> executor_;
    kernels::SoftmaxProblem<T> problem_{};
};

}  // namespace

template <class T>
struct SoftmaxBackward<T>::Implementation {
    SoftmaxRun<T> run;
};

template <class T>
SoftmaxBackward<T>::SoftmaxBackward(const SoftmaxShape& shape, const SoftmaxBackwardOptions& options) {
    validate_shape(shape, sizeof(T));
    if (options.source == ActivationSource::mask) throw Error("source", "input or output", "mask");
    implementation_ = std::make_unique<Implementation>(
        Implementation{{"softmax_backward", shape, options.source == ActivationSource::input, options.grad_input_mode,
                        options.strategy, 3}});
}

template <class T>
SoftmaxBackward<T>::~SoftmaxBackward() = default;
template <class T>
SoftmaxBackward<T>::SoftmaxBackward(SoftmaxBackward&&) noexcept = default;
template <class T>
SoftmaxBackward<T>& SoftmaxBackward<T>::operator=(SoftmaxBackward&&) noexcept = default;

template <class T>
void SoftmaxBackward<T>::execute(const SoftmaxBackwardArguments<T>& arguments) const {
    const SoftmaxRun<T>& run = implementation_->run;
    validate::require_pointer("grad_output", arguments.grad_output, run.elements());
    validate::require_pointer("source", arguments.source, run.elements());
    validate::require_pointer("grad_input", arguments.grad_input, run.elements());
    run.run(run.kernels().softmax, {arguments.grad_output, arguments.source, nullptr, arguments.grad_input});
}

template <class T>
const Strategy& SoftmaxBackward<T>::strategy() const noexcept {
    return implementation_->run.strategy();
}

template <class T>
struct SoftmaxCrossEntropyBackward<T>::Implementation {
    SoftmaxRun<T> run;
};

template <class T>
SoftmaxCrossEntropyBackward<T>::SoftmaxCrossEntropyBackward(const SoftmaxShape& shape,
                                                            const SoftmaxCrossEntropyBackwardOptions& options) {
    validate_shape(shape, sizeof(T));
    if (!std::isfinite(options.scale)) throw Error("scale", "a finite number", std::to_string(options.scale));
    implementation_ = std::make_unique<Implementation>(
        Implementation{{"softmax_cross_entropy_backward", shape, true, options.grad_logits_mode, options.strategy, 2}});
    implementation_->run.set_scale(static_cast<T>(options.scale));
}

template <class T>
SoftmaxCrossEntropyBackward<T>::~SoftmaxCrossEntropyBackward() = default;
template <class T>
SoftmaxCrossEntropyBackward<T>::SoftmaxCrossEntropyBackward(SoftmaxCrossEntropyBackward&&) noexcept = default;
template <class T>
SoftmaxCrossEntropyBackward<T>& SoftmaxCrossEntropyBackward<T>::operator=(SoftmaxCrossEntropyBackward&&) noexcept =
    default;

template <class T>
void SoftmaxCrossEntropyBackward<T>::execute(const SoftmaxCrossEntropyBackwardArguments<T>& arguments) const {
    const SoftmaxRun<T>& run = implementation_->run;
    validate::require_pointer("logits", arguments.logits, run.elements());
    validate::require_pointer("labels", arguments.labels, run.elements() > 0 ? run.rows() : 0);
    validate::require_pointer("grad_logits", arguments.grad_logits, run.elements());
    run.run(run.kernels().softmax_cross_entropy, {nullptr, arguments.logits, arguments.labels, arguments.grad_logits});
}

template <class T>
const Strategy& SoftmaxCrossEntropyBackward<T>::strategy() const noexcept {
    return implementation_->run.strategy();
}

template class SoftmaxBackward<float>;
template class SoftmaxBackward<double>;
template class SoftmaxCrossEntropyBackward<float>;
template class SoftmaxCrossEntropyBackward<double>;

}  // namespace backgrad
