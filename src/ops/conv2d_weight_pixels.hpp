#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_weight_plan.hpp"

namespace backgrad::ops {

/// One task of the weight gradient with pixels as lanes: adds the segments of its group, in order, into `total`, which
/// holds [output channel of the block][input channel][tap], and grad_output's into `bias` unless that is null.
/// `scratch` is the worker's.
template <class T>
void weight_pixels_task(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan,
                        const plan::Conv2dWeightPlan::Block& block, T* total, T* bias, Scratch<T> scratch) noexcept;

}  // namespace backgrad::ops
