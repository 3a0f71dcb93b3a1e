#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_depthwise_plan.hpp"

namespace backgrad::ops {

/// Fills a strip's rows of grad_input, of `units`, straight from NHWC's grad_output (plan.input_over_rows). `weights`
/// are those of pack_depthwise_weight, unit by unit.
template <class T>
void compute_row_input(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan,
                       const plan::DepthwiseStrip& strip, const plan::Range& units, const T* weights,
                       WriteMode mode) noexcept;

}  // namespace backgrad::ops
