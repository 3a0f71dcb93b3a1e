#include "ops/conv2d_run.hpp"

#include "ops/conv2d_bias.hpp"
#include "ops/conv2d_depthwise.hpp"
#include "ops/conv2d_input.hpp"
#include "threads/make_executor.hpp"

#include <cstdint>

namespace backgrad::ops {

namespace {

DepthwiseModes depthwise_modes(const Conv2dBackwardOptions& options) {
    return {options.grad_weight_mode, options.grad_bias_mode, options.grad_input_mode};
}

}  // namespace

template <class T>
Conv2dRun<T>::Conv2dRun(const Conv2dSetup<T>& setup, const plan::Conv2dPlan& plan,
                        const Conv2dBackwardArguments<T>& arguments, T* workspace) noexcept
    : setup_(setup),
      plan_(plan),
      arguments_(arguments),
      weight_partials_(workspace),
      bias_partials_(weight_partials_ + plan.shared.weight_partials),
      packed_weights_(bias_partials_ + plan.shared.bias_partials),
      depthwise_partials_(packed_weights_ + plan.shared.packed_weights),
      tap_sums_(depthwise_partials_ + plan.shared.depthwise_partials),
      counters_(reinterpret_cast<std::int32_t*>(tap_sums_ + plan.shared.tap_sums)),
      scratch_(tap_sums_ + plan.shared.tap_sums + plan.shared.counters),
      weight_outputs_{plan.weight && plan.weight->partials() ? weight_partials_ : nullptr,
                      setup.options.gradients.weight,
                      setup.options.gradients.bias && !plan.bias,
                      setup.options.grad_weight_mode,
                      setup.options.grad_bias_mode,
                      Arrivals(counters_, plan.weight_counters())},
      bias_arrivals_(counters_ + plan.weight_counters(), plan.bias_counters()),
      shared_tap_sums_{tap_sums_,
                       Arrivals(counters_ + plan.weight_counters() + plan.bias_counters(), plan.input_counters())},
      depthwise_arrivals_(counters_ + plan.counters() - plan.depthwise_counters(), plan.depthwise_counters()) {}

template <class T>
void Conv2dRun<T>::pack_weights() noexcept {
    const Conv2dContext<T> context{setup_.problem, *setup_.kernels, arguments_, 0};
    threads::run(*setup_.executor, plan_.pack_tasks(), [&](std::int64_t task, int) noexcept {
        if (!pack_weight_task(context, *plan_.input, task, packed_weights_))
            weights_finite_.store(false, std::memory_order_relaxed);
    });
}

template <class T>
void Conv2dRun<T>::sum(const std::vector<plan::OrderedTask>& tasks, const plan::Range& images, const T* grad_output,
                       const FetchAhead& ahead) noexcept {
    plan::Conv2dProblem problem = setup_.problem;
    problem.batch = images.size();
    const std::int64_t before = images.begin * problem.groups * problem.in_channels * problem.pixels_in();
    Conv2dBackwardArguments<T> arguments = arguments_;
    arguments.grad_output = grad_output;
    if (arguments.input) arguments.input += before;
    if (arguments.grad_input) arguments.grad_input += before;
    const std::int64_t count = static_cast<std::int64_t>(tasks.size());
    threads::run(*setup_.executor, count, [&](std::int64_t task, int worker) noexcept {
        // Equal shares in the order of the tasks: with a static schedule each worker fetches what it will read.
        const Conv2dContext<T> own{problem, *setup_.kernels, arguments, images.begin, ahead.part(task, count)};
        run_task(own, tasks[static_cast<std::size_t>(task)], worker);
    });
}

template <class T>
void Conv2dRun<T>::run_task(const Conv2dContext<T>& context, const plan::OrderedTask& ordered,
                            int worker) const noexcept {
    T* const own = scratch_ + worker * plan_.worker_elements;
    const std::int64_t task = ordered.task;
    switch (static_cast<plan::MainTasks>(ordered.list)) {
        case plan::MainTasks::weight:
            return weight_task(context, *plan_.weight, weight_outputs_, task, Scratch<T>(own));
        case plan::MainTasks::bias:
            return bias_task(context, *plan_.bias, task, bias_partials_, bias_arrivals_, setup_.options.grad_bias_mode,
                             own);
        case plan::MainTasks::depthwise:
            return depthwise_task(context, *plan_.depthwise, depthwise_modes(setup_.options), task, depthwise_partials_,
                                  depthwise_arrivals_, Scratch<T>(own));
        case plan::MainTasks::input:
            return input_task(context, *plan_.input, task, packed_weights_,
                              weights_finite_.load(std::memory_order_relaxed), shared_tap_sums_,
                              setup_.options.grad_input_mode, Scratch<T>(own));
    }
}

template class Conv2dRun<float>;
template class Conv2dRun<double>;

}  // namespace backgrad::ops
