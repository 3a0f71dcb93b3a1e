#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_weight_plan.hpp"

namespace backgrad::ops {

/// Where the sums of the weight gradient's tasks lie, and what becomes of them.
template <class T>
struct WeightOutputs {
    T* partials;        ///< plan.shared_elements, or null where each task finishes its own block
    bool weight, bias;  ///< which gradients are asked for
    WriteMode weight_mode, bias_mode;
};

/// First phase, plan.tasks tasks: sums of one block over one segment group.
template <class T>
void weight_task(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan, const WeightOutputs<T>& outputs,
                 std::int64_t task, Scratch<T> scratch) noexcept;

/// Second phase, plan.join_tasks: joins the partial sums of one part of one block and writes it.
template <class T>
void weight_join_task(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan,
                      const WeightOutputs<T>& outputs, std::int64_t task) noexcept;

}  // namespace backgrad::ops
