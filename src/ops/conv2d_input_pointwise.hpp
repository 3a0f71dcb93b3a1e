#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_input_plan.hpp"

namespace backgrad::ops {

/// One task of Conv2dInputPlan::pointwise: some pixels of some images, some input channels. `weights` are those of
/// the convolution group, where they lie.
template <class T>
void input_pointwise_task(const Conv2dContext<T>& context, const plan::Conv2dInputPlan& plan, std::int64_t group,
                          plan::Range blocks, plan::Range tiles, const T* weights, WriteMode mode,
                          Scratch<T> scratch) noexcept;

}  // namespace backgrad::ops
