#pragma once

#include "ops/conv2d_context.hpp"
#include "ops/tree_join.hpp"
#include "plan/conv2d_input_plan.hpp"

namespace backgrad::ops {

/// Where bands share the sums per tap: plan.shared_sums elements and plan.counters counters.
template <class T>
struct SharedTapSums {
    T* data;
    Arrivals arrivals;
};

/// One task of Conv2dInputPlan::folded: some bands of some images. `weights` are those of the convolution group, where
/// they lie.
template <class T>
void input_fold_task(const Conv2dContext<T>& context, const plan::Conv2dInputPlan& plan, std::int64_t group,
                     plan::Range blocks, const T* weights, const SharedTapSums<T>& shared, WriteMode mode,
                     Scratch<T> scratch) noexcept;

}  // namespace backgrad::ops
