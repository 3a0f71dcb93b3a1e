#include "isa/isa.hpp"
#include "ops/conv2d_bias.hpp"
#include "ops/conv2d_depthwise.hpp"
#include "ops/conv2d_input.hpp"
#include "ops/conv2d_tiles.hpp"
#include "ops/conv2d_validate.hpp"
#include "ops/conv2d_weight.hpp"
#include "ops/validate.hpp"
#include "plan/conv2d_plan.hpp"
#include "threads/cache.hpp"
#include "threads/make_executor.hpp"

#include <backgrad/conv2d.hpp>

#include <atomic>
#include <cstdint>
#include <string>

namespace backgrad {

namespace {

std::int64_t formula(std::int64_t size, std::int64_t padding, std::int64_t kernel, std::int64_t dilation,
                     std::int64_t stride) {
    const std::int64_t room = size + padding - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

}  // namespace

std::int64_t Conv2dShape::formula_out_height() const noexcept {
    return formula(in_height, padding_top + padding_bottom, kernel_height, dilation_height, stride_height);
}

std::int64_t Conv2dShape::formula_out_width() const noexcept {
    return formula(in_width, padding_left + padding_right, kernel_width, dilation_width, stride_width);
}

template <class T>
struct Conv2dBackward<T>::Implementation {
    plan::Conv2dProblem problem;
    Conv2dBackwardOptions options;
    Strategy strategy;
    std::shared_ptr<Executor> executor;
    const kernels::Conv2dKernels<T>* kernels;
    plan::Conv2dPlan plans;

    Implementation(const Conv2dShape& shape, const Conv2dBackwardOptions& asked) : options(asked) {
        ops::validate_conv2d(shape, options, sizeof(T));
        problem = plan::make_problem(shape, options);
        strategy = threads::resolve(options.strategy);
        strategy.isa = isa::resolve(strategy.isa);
        kernels = &isa::table(strategy.isa).template conv2d<T>();
        executor = threads::make_executor(strategy);
        plans = plan::plan_conv2d(problem, options.gradients, ops::conv2d_tiles(*kernels), sizeof(T), strategy);
        if (plans.depthwise) plans.depthwise->streaming = exceeds_cache();
        threads::report_plan("conv2d_backward", strategy);
    }

    /// Whether the tensors of a depthwise convolution outgrow the cache, of which others want their share, too.
    bool exceeds_cache() const {
        const std::int64_t elements =
            (options.gradients.weight ? 2 : 1) * problem.input_elements() + problem.output_elements();
        return elements * static_cast<std::int64_t>(sizeof(T)) > threads::last_level_cache_bytes() / 4 * 3;
    }

    std::size_t workspace_bytes() const {
        return static_cast<std::size_t>(plans.shared.elements() + executor->workers() * plans.worker_elements) *
               sizeof(T);
    }

    void check(const Conv2dBackwardArguments<T>& a, const void* workspace) const {
        const Conv2dGradients& want = options.gradients;
        validate::require_pointer("grad_output", a.grad_output, problem.output_elements());
        if (want.weight) {
            validate::require_pointer("input", a.input, problem.input_elements());
            validate::require_pointer("grad_weight", a.grad_weight, problem.weight_elements());
        }
        if (want.input) {
            validate::require_pointer("weight", a.weight, problem.weight_elements());
            validate::require_pointer("grad_input", a.grad_input, problem.input_elements());
        }
        if (want.bias) validate::require_pointer("grad_bias", a.grad_bias, problem.groups * problem.out_channels);
        if (workspace_bytes() == 0) return;
        validate::require_pointer("workspace", workspace);
        if (reinterpret_cast<std::uintptr_t>(workspace) % Workspace::alignment != 0)
            throw Error("workspace", "a pointer aligned to " + std::to_string(Workspace::alignment) + " bytes",
                        std::to_string(reinterpret_cast<std::uintptr_t>(workspace) % Workspace::alignment) +
                            " bytes beyond such an address");
    }

    void execute(const Conv2dBackwardArguments<T>& arguments, T* memory) const noexcept {
        const ops::Conv2dContext<T> context{problem, *kernels, arguments};
        const auto& weight = plans.weight;
        const auto& bias = plans.bias;
        const auto& input = plans.input;
        const auto& depthwise = plans.depthwise;
        const auto& shared = plans.shared;
        T* const weight_partials = memory;
        T* const bias_partials = weight_partials + shared.weight_partials;
        T* const packed = bias_partials + shared.bias_partials;
        T* const depthwise_partials = packed + shared.packed_weights;
        T* const scratch = depthwise_partials + shared.depthwise_partials;
        const ops::WeightOutputs<T> outputs{weight && weight->partials() ? weight_partials : nullptr,
                                            options.gradients.weight, options.gradients.bias && !bias,
                                            options.grad_weight_mode, options.grad_bias_mode};
        const auto of_worker = [&](int worker) { return scratch + worker * plans.worker_elements; };
        const ops::DepthwiseModes modes{options.grad_weight_mode, options.grad_bias_mode, options.grad_input_mode};
        std::atomic<bool> weights_finite{true};

        threads::run(*executor, plans.pack_tasks(), [&](std::int64_t task, int) noexcept {
            if (!ops::pack_weight_task(context, *input, task, packed))
                weights_finite.store(false, std::memory_order_relaxed);
        });

        const bool finite = weights_finite.load(std::memory_order_relaxed);
        const std::int64_t tasks = static_cast<std::int64_t>(plans.main_tasks.size());
        threads::run(*executor, tasks, [&](std::int64_t number, int worker) noexcept {
            const auto [list, task] = plans.main_tasks[static_cast<std::size_t>(number)];
            const ops::Scratch<T> own(of_worker(worker));
            switch (static_cast<plan::MainTasks>(list)) {
                case plan::MainTasks::weight:
                    return ops::weight_task(context, *weight, outputs, task, own);
                case plan::MainTasks::bias:
                    return ops::bias_task(context, *bias, task, bias_partials, of_worker(worker));
                case plan::MainTasks::depthwise:
                    return ops::depthwise_task(context, *depthwise, modes, task, depthwise_partials, own);
                case plan::MainTasks::input:
                    return ops::input_task(context, *input, task, packed, finite, options.grad_input_mode, own);
            }
        });

        const std::int64_t weight_joins = plans.weight_joins(problem);
        const std::int64_t bias_joins = plans.bias_joins(problem);
        threads::run(*executor, weight_joins + bias_joins + plans.depthwise_joins(),
                     [&](std::int64_t task, int) noexcept {
                         if (task < weight_joins) return ops::weight_join_task(context, *weight, outputs, task);
                         task -= weight_joins;
                         if (task < bias_joins)
                             return ops::bias_join_task(context, *bias, task, bias_partials, options.grad_bias_mode);
                         ops::depthwise_join_task(context, *depthwise, modes, task - bias_joins, depthwise_partials);
                     });
    }
};

template <class T>
Conv2dBackward<T>::Conv2dBackward(const Conv2dShape& shape, const Conv2dBackwardOptions& options)
    : implementation_(std::make_unique<Implementation>(shape, options)) {}

template <class T>
Conv2dBackward<T>::~Conv2dBackward() = default;

template <class T>
Conv2dBackward<T>::Conv2dBackward(Conv2dBackward&&) noexcept = default;

template <class T>
Conv2dBackward<T>& Conv2dBackward<T>::operator=(Conv2dBackward&&) noexcept = default;

template <class T>
std::size_t Conv2dBackward<T>::workspace_bytes() const noexcept {
    return implementation_->workspace_bytes();
}

template <class T>
const Strategy& Conv2dBackward<T>::strategy() const noexcept {
    return implementation_->strategy;
}

template <class T>
void Conv2dBackward<T>::execute(const Conv2dBackwardArguments<T>& arguments, void* workspace) const {
    implementation_->check(arguments, workspace);
    implementation_->execute(arguments, static_cast<T*>(workspace));
}

template <class T>
void conv2d_backward(const Conv2dShape& shape, const Conv2dBackwardArguments<T>& arguments,
                     const Conv2dBackwardOptions& options) {
    const Conv2dBackward<T> plan(shape, options);
    const Workspace workspace(plan.workspace_bytes());
    plan.execute(arguments, workspace.data());
}

template class Conv2dBackward<float>;
template class Conv2dBackward<double>;
template void conv2d_backward<float>(const Conv2dShape&, const Conv2dBackwardArguments<float>&,
                                     const Conv2dBackwardOptions&);
template void conv2d_backward<double>(const Conv2dShape&, const Conv2dBackwardArguments<double>&,
                                      const Conv2dBackwardOptions&);

}  // namespace backgrad
