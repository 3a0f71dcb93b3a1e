#include "ops/conv2d_planned.hpp"

#include "ops/conv2d_run.hpp"
#include "ops/conv2d_tiles.hpp"
#include "ops/phase_executor.hpp"
#include "ops/validate.hpp"
#include "plan/conv2d_work.hpp"
#include "plan/launch.hpp"
#include "threads/make_executor.hpp"

#include <cstdint>

namespace backgrad::ops {

template <class T>
PlannedConv2d<T>::PlannedConv2d(const Conv2dShape& shape, const Conv2dBackwardOptions& options,
                                const plan::Conv2dBlocking& blocking)
    : setup_(shape, options), plan_(make_plan({})) {
    const bool alone = !gains_by_threads();
    if (alone) setup_.use_calling_thread();
    if (alone || blocking.chosen()) plan_ = make_plan(blocking);
    if (setup_.options.order == Conv2dOrder::weights_first) plan::put_input_last(plan_);
    set_streaming(setup_.exceeds_cache());
    threads::report_plan("conv2d_backward", setup_.strategy);
}

template <class T>
void PlannedConv2d<T>::set_streaming(bool streaming) noexcept {
    plan_.set_streaming(streaming);
}

template <class T>
plan::Conv2dPlan PlannedConv2d<T>::make_plan(const plan::Conv2dBlocking& blocking) const {
    return plan::plan_conv2d(setup_.problem, setup_.options.gradients, conv2d_tiles(*setup_.kernels), sizeof(T),
                             setup_.strategy, blocking);
}

/// Whether the team is faster than the calling thread alone, where that may be chosen.
template <class T>
bool PlannedConv2d<T>::gains_by_threads() const {
    if (!may_use_fewer_threads(setup_.options.strategy, setup_.strategy)) return true;
    const plan::RegisterTiles tiles = conv2d_tiles(*setup_.kernels).dense;
    const double cycles = plan::conv2d_work(setup_.problem, plan_, tiles, sizeof(T)).cycles();
    return plan::worth_launching(cycles, setup_.strategy.threads, plan::exchange_cycles);
}

template <class T>
std::vector<plan::KnownBlocking> PlannedConv2d<T>::blockings() const {
    return plan::known_blockings(setup_.problem, setup_.options.gradients, conv2d_tiles(*setup_.kernels), sizeof(T),
                                 setup_.strategy);
}

template <class T>
std::size_t PlannedConv2d<T>::workspace_bytes() const noexcept {
    return static_cast<std::size_t>(Conv2dRun<T>::workspace_elements(setup_, plan_)) * sizeof(T);
}

template <class T>
void PlannedConv2d<T>::check(const Conv2dBackwardArguments<T>& arguments, const void* workspace) const {
    validate::require_pointer("grad_output", arguments.grad_output, setup_.problem.output_elements());
    setup_.check(arguments);
    validate::require_workspace(workspace, workspace_bytes());
}

template <class T>
void PlannedConv2d<T>::execute(const Conv2dBackwardArguments<T>& arguments, void* workspace) const {
    check(arguments, workspace);
    run(arguments, static_cast<T*>(workspace));
}

template <class T>
void PlannedConv2d<T>::run(const Conv2dBackwardArguments<T>& arguments, T* workspace) const noexcept {
    Conv2dRun<T> run(setup_, plan_, arguments, workspace);
    const plan::Range batch{0, setup_.problem.batch};
    const bool input_last = !plan_.late_tasks.empty();
    if (!input_last) run.pack_weights();
    run.sum(plan_.main_tasks, batch, arguments.grad_output);
    arguments.weights_ready();
    if (!input_last) return;
    run.pack_weights();
    run.sum(plan_.late_tasks, batch, arguments.grad_output);
}

template class PlannedConv2d<float>;
template class PlannedConv2d<double>;

}  // namespace backgrad::ops
