#pragma once

#include "ops/conv2d_context.hpp"
#include "ops/tree_join.hpp"
#include "plan/conv2d_depthwise_plan.hpp"

namespace backgrad::ops {

/// How the gradients of a depthwise convolution are written.
struct DepthwiseModes {
    WriteMode weight, bias, input;
};

/// One of plan.tasks tasks: one pass over the task's grad_output for every gradient of the plan. Sums go to `partials`
/// (plan.shared_elements) where they must be joined; the last segment group of a block of units joins and writes them.
/// `arrivals` are plan.tasks counters.
template <class T>
void depthwise_task(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan, const DepthwiseModes& modes,
                    std::int64_t task, T* partials, const Arrivals& arrivals, Scratch<T> scratch) noexcept;

}  // namespace backgrad::ops
