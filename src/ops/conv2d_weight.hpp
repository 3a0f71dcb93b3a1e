#pragma once

#include "ops/conv2d_context.hpp"
#include "ops/tree_join.hpp"
#include "plan/conv2d_weight_plan.hpp"

namespace backgrad::ops {

/// Where the sums of the weight gradient's tasks lie, and what becomes of them.
template <class T>
struct WeightOutputs {
    T* partials;        ///< plan.shared_elements, or null where each task finishes its own block
    bool weight, bias;  ///< which gradients are asked for
    WriteMode weight_mode, bias_mode;
    Arrivals arrivals;  ///< plan.tasks counters, where there are partial sums
};

/// One of plan.tasks tasks: sums one block over one segment group. The last group of a block joins and writes it.
template <class T>
void weight_task(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan, const WeightOutputs<T>& outputs,
                 std::int64_t task, Scratch<T> scratch) noexcept;

}  // namespace backgrad::ops
