#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_depthwise_plan.hpp"

namespace backgrad::ops {

/// Whether grad_input is computed straight from planes. Either way each element is the same chain, so this changes no
/// bit.
template <class T>
bool has_plane_input(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan) noexcept;

/// The rows of a strip's grad_input of one unit of channels, straight from planes. `weights` are packed and finite.
/// `stage` has plan.stage_elements, for what goes past the caches.
template <class T>
void compute_plane_input(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan,
                         const plan::DepthwiseStrip& strip, const plan::Range& channels, const T* weights,
                         WriteMode mode, T* stage) noexcept;

}  // namespace backgrad::ops
