#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_depthwise_plan.hpp"

namespace backgrad::ops {

/// Sums of grad_weight and grad_bias straight from rows of NHWC, where plan.over_rows.
template <class T>
struct RowSums {
    const Conv2dContext<T>& context;
    const plan::Conv2dDepthwisePlan& plan;

    /// Goes on with the sums of some units for the pixels of `box` in one image: `weight`, [unit][tap][lane], and
    /// `bias`, [unit][lane]. Memory is read in order, and its rows are in cache for every unit but the first.
    void add(const plan::PixelBox& box, const plan::Range& units, T* weight, T* bias) const noexcept;
};

}  // namespace backgrad::ops
