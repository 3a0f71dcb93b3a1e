#include "isa/isa.hpp"
#include "ops/conv2d_bias.hpp"
#include "ops/conv2d_depthwise.hpp"
#include "ops/conv2d_input.hpp"
#include "ops/conv2d_validate.hpp"
#include "ops/conv2d_weight.hpp"
#include "ops/validate.hpp"
#include "plan/task_order.hpp"
#include "threads/cache.hpp"
#include "threads/make_executor.hpp"

#include <backgrad/conv2d.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace backgrad {

namespace {

std::int64_t formula(std::int64_t size, std::int64_t padding, std::int64_t kernel, std::int64_t dilation,
                     std::int64_t stride) {
    const std::int64_t room = size + padding - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

template <class T>
plan::RegisterTiles register_tiles(const kernels::Conv2dKernels<T>& kernels) {
    plan::RegisterTiles tiles{};
    tiles.lanes = kernels.tile->lanes;
    for (int v = 0; v <= kernels::TileKernels<T>::max_vectors; ++v) tiles.rows_limit[v] = kernels.tile->rows_limit[v];
    return tiles;
}

template <class T>
plan::DepthwiseTileLimits depthwise_limits(const kernels::Conv2dKernels<T>& kernels) {
    plan::DepthwiseTileLimits limits{kernels.tile->lanes, {}};
    std::copy(std::begin(kernels.depthwise->tile->rows_limit), std::end(kernels.depthwise->tile->rows_limit),
              limits.rows);
    return limits;
}

/// Sums of bias and weight gradients that lie in the shared part of the workspace, and the packed weights.
struct SharedMemory {
    std::int64_t weight_partials = 0, bias_partials = 0, packed_weights = 0, depthwise_partials = 0;

    std::int64_t elements() const { return weight_partials + bias_partials + packed_weights + depthwise_partials; }
};

}  // namespace

std::int64_t Conv2dShape::formula_out_height() const noexcept {
    return formula(in_height, padding_top + padding_bottom, kernel_height, dilation_height, stride_height);
}

std::int64_t Conv2dShape::formula_out_width() const noexcept {
    return formula(in_width, padding_left + padding_right, kernel_width, dilation_width, stride_width);
}

/// The task lists of the main phase, in the order in which plan::interleave numbers them.
enum class MainTasks : std::int32_t { weight, bias, depthwise, input };

/// A plan of one convolution. Execution is three phases: packing of the weights; sums of the gradients; joining of
/// partial sums. Each gradient's tasks walk over grad_output at the same pace.
template <class T>
struct Conv2dBackward<T>::Implementation {
    plan::Conv2dProblem problem;
    Conv2dBackwardOptions options;
    Strategy strategy;
    std::shared_ptr<Executor> executor;
    const kernels::Conv2dKernels<T>* kernels;
    std::optional<plan::Conv2dWeightPlan> weight;
    std::optional<plan::Conv2dBiasPlan> bias;  ///< only where the weight gradient's tasks do not compute it
    std::optional<plan::Conv2dInputPlan> input;
    std::optional<plan::Conv2dDepthwisePlan> depthwise;  ///< takes the place of weight and input
    std::vector<plan::OrderedTask> main_tasks;
    SharedMemory shared;
    std::int64_t worker_elements = 0;

    Implementation(const Conv2dShape& shape, const Conv2dBackwardOptions& asked) : options(asked) {
        ops::validate_conv2d(shape, options, sizeof(T));
        problem = plan::make_problem(shape, options);
        strategy = threads::resolve(options.strategy);
        strategy.isa = isa::resolve(strategy.isa);
        kernels = &isa::table(strategy.isa).template conv2d<T>();
        executor = threads::make_executor(strategy);
        make_plans();
        threads::report_plan("conv2d_backward", strategy);
    }

    void make_plans() {
        const plan::RegisterTiles tiles = register_tiles(*kernels);
        const bool same_output =
            problem.grad_output_height == problem.out_height && problem.grad_output_width == problem.out_width;
        if (problem.depthwise() && problem.batch * problem.pixels_out() > 0) {
            depthwise = plan::plan_depthwise(problem,
                                             {options.gradients.input && input_elements() > 0, options.gradients.weight,
                                              options.gradients.bias && same_output},
                                             depthwise_limits(*kernels), sizeof(T), strategy);
            // Others want their share of the cache, too.
            const std::int64_t touched = (options.gradients.weight ? 2 : 1) * input_elements() + output_elements();
            depthwise->streaming =
                touched * static_cast<std::int64_t>(sizeof(T)) > threads::last_level_cache_bytes() / 4 * 3;
        }
        if (!depthwise && options.gradients.weight && problem.weight_elements() > 0)
            weight = plan::plan_weight(problem, tiles, sizeof(T), strategy);
        if (options.gradients.bias && problem.out_channels > 0 && !((weight || depthwise) && same_output))
            bias = plan::plan_bias(problem, sizeof(T), strategy);
        if (!depthwise && options.gradients.input && input_elements() > 0)
            input = plan::plan_input(problem, tiles, sizeof(T), strategy);
        const auto need = [this](std::int64_t elements) { worker_elements = std::max(worker_elements, elements); };
        if (weight) {
            shared.weight_partials = plan::round_up(weight->shared_elements, 16);
            need(weight->worker_elements);
        }
        if (bias) {
            shared.bias_partials = plan::round_up(bias->shared_elements, 16);
            need(bias->worker_elements);
        }
        if (input) {
            shared.packed_weights = plan::round_up(input->packed_elements, 16);
            need(input->worker_elements);
        }
        if (depthwise) {
            shared.depthwise_partials = plan::round_up(depthwise->shared_elements, 16);
            need(depthwise->worker_elements);
        }
        worker_elements = plan::round_up(worker_elements, 16);
        main_tasks = plan::interleave({weight ? weight->tasks : 0, bias ? bias->tasks : 0,
                                       depthwise ? depthwise->tasks : 0, input ? input->tasks : 0});
    }

    std::int64_t input_elements() const {
        return problem.batch * problem.groups * problem.in_channels * problem.pixels_in();
    }
    std::int64_t output_elements() const {
        return problem.batch * problem.groups * problem.out_channels * problem.grad_output_height *
               problem.grad_output_width;
    }
    std::size_t workspace_bytes() const {
        return static_cast<std::size_t>(shared.elements() + executor->workers() * worker_elements) * sizeof(T);
    }

    void check(const Conv2dBackwardArguments<T>& a, const void* workspace) const {
        const Conv2dGradients& want = options.gradients;
        validate::require_pointer("grad_output", a.grad_output, output_elements());
        if (want.weight) {
            validate::require_pointer("input", a.input, input_elements());
            validate::require_pointer("grad_weight", a.grad_weight, problem.weight_elements());
        }
        if (want.input) {
            validate::require_pointer("weight", a.weight, problem.weight_elements());
            validate::require_pointer("grad_input", a.grad_input, input_elements());
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
        T* const weight_partials = memory;
        T* const bias_partials = weight_partials + shared.weight_partials;
        T* const packed = bias_partials + shared.bias_partials;
        T* const depthwise_partials = packed + shared.packed_weights;
        T* const scratch = depthwise_partials + shared.depthwise_partials;
        const ops::WeightOutputs<T> outputs{weight && weight->partials() ? weight_partials : nullptr,
                                            options.gradients.weight, options.gradients.bias && !bias,
                                            options.grad_weight_mode, options.grad_bias_mode};
        const auto of_worker = [&](int worker) { return scratch + worker * worker_elements; };
        const ops::DepthwiseModes modes{options.grad_weight_mode, options.grad_bias_mode, options.grad_input_mode};
        std::atomic<bool> weights_finite{true};

        threads::run(*executor, input ? input->pack_tasks : 0, [&](std::int64_t task, int) noexcept {
            if (!ops::pack_weight_task(context, *input, task, packed))
                weights_finite.store(false, std::memory_order_relaxed);
        });

        const bool finite = weights_finite.load(std::memory_order_relaxed);
        const std::int64_t tasks = static_cast<std::int64_t>(main_tasks.size());
        threads::run(*executor, tasks, [&](std::int64_t number, int worker) noexcept {
            const auto [list, task] = main_tasks[static_cast<std::size_t>(number)];
            const ops::Scratch<T> own(of_worker(worker));
            switch (static_cast<MainTasks>(list)) {
                case MainTasks::weight:
                    return ops::weight_task(context, *weight, outputs, task, own);
                case MainTasks::bias:
                    return ops::bias_task(context, *bias, task, bias_partials, of_worker(worker));
                case MainTasks::depthwise:
                    return ops::depthwise_task(context, *depthwise, modes, task, depthwise_partials, own);
                case MainTasks::input:
                    return ops::input_task(context, *input, task, packed, finite, options.grad_input_mode, own);
            }
        });

        const std::int64_t weight_joins = weight ? ops::weight_join_tasks(problem, *weight) : 0;
        const std::int64_t bias_joins = bias ? problem.groups * bias->channel_blocks : 0;
        const std::int64_t depthwise_joins = depthwise ? depthwise->join_tasks : 0;
        threads::run(*executor, weight_joins + bias_joins + depthwise_joins, [&](std::int64_t task, int) noexcept {
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
