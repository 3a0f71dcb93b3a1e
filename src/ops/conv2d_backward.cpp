#include "ops/conv2d_run.hpp"
#include "ops/conv2d_setup.hpp"
#include "ops/conv2d_tiles.hpp"
#include "ops/phase_executor.hpp"
#include "ops/validate.hpp"
#include "plan/conv2d_plan.hpp"
#include "plan/conv2d_work.hpp"
#include "plan/launch.hpp"
#include "threads/make_executor.hpp"

#include <backgrad/conv2d.hpp>

#include <cstdint>

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
    ops::Conv2dSetup<T> setup;
    plan::Conv2dPlan plan;

    Implementation(const Conv2dShape& shape, const Conv2dBackwardOptions& options) : setup(shape, options) {
        if (!gains_by_threads()) {
            setup.use_calling_thread();
            plan = make_plan();
        }
        if (setup.options.order == Conv2dOrder::weights_first) plan::put_input_last(plan);
        if (plan.depthwise) plan.depthwise->streaming = setup.exceeds_cache();
        threads::report_plan("conv2d_backward", setup.strategy);
    }

    plan::Conv2dPlan make_plan() const {
        return plan::plan_conv2d(setup.problem, setup.options.gradients, ops::conv2d_tiles(*setup.kernels), sizeof(T),
                                 setup.strategy);
    }

    /// Plans for the team, and says whether it is faster than the calling thread alone, where that may be chosen.
    bool gains_by_threads() {
        plan = make_plan();
        if (!ops::may_use_fewer_threads(setup.options.strategy, setup.strategy)) return true;
        const plan::RegisterTiles tiles = ops::conv2d_tiles(*setup.kernels).dense;
        const double cycles = plan::conv2d_work(setup.problem, plan, tiles, sizeof(T)).cycles();
        return plan::worth_launching(cycles, setup.strategy.threads, plan::exchange_cycles);
    }

    std::size_t workspace_bytes() const {
        return static_cast<std::size_t>(ops::Conv2dRun<T>::workspace_elements(setup, plan)) * sizeof(T);
    }

    void check(const Conv2dBackwardArguments<T>& arguments, const void* workspace) const {
        validate::require_pointer("grad_output", arguments.grad_output, setup.problem.output_elements());
        setup.check(arguments);
        validate::require_workspace(workspace, workspace_bytes());
    }

    void execute(const Conv2dBackwardArguments<T>& arguments, T* workspace) const noexcept {
        ops::Conv2dRun<T> run(setup, plan, arguments, workspace);
        const plan::Range batch{0, setup.problem.batch};
        const bool input_last = !plan.late_tasks.empty();
        if (!input_last) run.pack_weights();
        run.sum(plan.main_tasks, batch, arguments.grad_output);
        arguments.weights_ready();
        if (!input_last) return;
        run.pack_weights();
        run.sum(plan.late_tasks, batch, arguments.grad_output);
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
    return implementation_->setup.strategy;
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
