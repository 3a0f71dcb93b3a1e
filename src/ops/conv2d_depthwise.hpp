#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_depthwise_plan.hpp"

namespace backgrad::ops {

/// How the gradients of a depthwise convolution are written.
struct DepthwiseModes {
    WriteMode weight, bias, input;
};

/// First phase, plan.tasks tasks: one pass over the task's grad_output for every gradient of the plan. Sums go to
/// `partials` (plan.shared_elements) where they must be joined.
template <class T>
void depthwise_task(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan, const DepthwiseModes& modes,
                    std::int64_t task, T* partials, Scratch<T> scratch) noexcept;

/// Second phase, plan.join_tasks tasks: joins the partial sums of a block of units and writes.
template <class T>
void depthwise_join_task(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan,
                         const DepthwiseModes& modes, std::int64_t task, T* partials) noexcept;

}  // namespace backgrad::ops
