#pragma once

#include "ops/conv2d_context.hpp"
#include "ops/conv2d_input_fold.hpp"
#include "ops/conv2d_setup.hpp"
#include "ops/conv2d_weight.hpp"
#include "plan/conv2d_plan.hpp"

#include <atomic>
#include <vector>

namespace backgrad::ops {

/// One execution of a convolution's plan. Its phases, in this order: packing of the weights; sums of the gradients, for
/// the whole batch or for some images after the others. The packed weights serve only grad_input: both may come after
/// the rest.
template <class T>
class Conv2dRun {
public:
    /// Elements of the workspace of an execution.
    static std::int64_t workspace_elements(const Conv2dSetup<T>& setup, const plan::Conv2dPlan& plan) {
        return plan.shared.elements() + setup.executor->workers() * plan.worker_elements;
    }

    /// All arguments must outlive the run; grad_output is not looked at.
    Conv2dRun(const Conv2dSetup<T>& setup, const plan::Conv2dPlan& plan, const Conv2dBackwardArguments<T>& arguments,
              T* workspace) noexcept;

    void pack_weights() noexcept;

    /// Runs tasks of the plan on some images of the batch. `grad_output` begins with the first of them. The tasks fetch
    /// what is `ahead` on the side.
    void sum(const std::vector<plan::OrderedTask>& tasks, const plan::Range& images, const T* grad_output,
             const FetchAhead& ahead = {}) noexcept;

private:
    void run_task(const Conv2dContext<T>& context, const plan::OrderedTask& task, int worker) const noexcept;

    const Conv2dSetup<T>& setup_;
    const plan::Conv2dPlan& plan_;
    const Conv2dBackwardArguments<T>& arguments_;
    T *weight_partials_, *bias_partials_, *packed_weights_, *depthwise_partials_, *tap_sums_;
    std::int32_t* counters_;
    T* scratch_;
    WeightOutputs<T> weight_outputs_;
    Arrivals bias_arrivals_;
    SharedTapSums<T> shared_tap_sums_;
    Arrivals depthwise_arrivals_;
    std::atomic<bool> weights_finite_{true};
};

extern template class Conv2dRun<float>;
extern template class Conv2dRun<double>;

}  // namespace backgrad::ops
