#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_depthwise_plan.hpp"

namespace backgrad::ops {

/// Rows of one unit: a panel [row][column][unit], or NHWC's tensor.
template <class T>
struct DepthwiseRows {
    T* data;
    plan::Range rows;
    std::int64_t row, pixel;  ///< strides

    T* at(std::int64_t y, std::int64_t x) const { return data + (y - rows.begin) * row + x * pixel; }
};

/// Goes on with the sums `bias`, [unit], for the pixels of `box` in one image.
template <class T>
void add_depthwise_bias(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan,
                        const plan::PixelBox& box, const DepthwiseRows<const T>& grad_output, T* bias) noexcept;

/// Goes on with the sums `state`, [tap][channel of grad_output in the group][unit], of one unit's weight gradient and
/// with its bias. `spare` has room for a copy of `state`. Kernels of narrow groups work off `prefetch`.
template <class T>
void add_depthwise_weight(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan,
                          const plan::PixelBox& box, const DepthwiseRows<const T>& grad_output,
                          const DepthwiseRows<const T>& input, T* state, T* bias, T* spare,
                          kernels::PrefetchQueue<T>* prefetch) noexcept;

/// Packs the weights of the unit of `channels` as [tap][channel of grad_output in the group][unit], in the order in
/// which grad_input adds. Returns true if all are finite.
template <class T>
bool pack_depthwise_weight(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan, plan::Range channels,
                           T* to) noexcept;

/// Fills rows of one unit's grad_input. `finite` says that all weights are. Kernels of narrow groups work off
/// `prefetch`.
template <class T>
void compute_depthwise_input(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan,
                             const DepthwiseRows<const T>& grad_output, const T* weights, bool finite,
                             const DepthwiseRows<T>& grad_input, kernels::PrefetchQueue<T>* prefetch) noexcept;

}  // namespace backgrad::ops
