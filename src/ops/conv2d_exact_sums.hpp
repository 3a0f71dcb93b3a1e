#pragma once

#include "kernels/conv2d_kernels.hpp"
#include "ops/conv2d_context.hpp"
#include "plan/conv2d_weight_plan.hpp"

namespace backgrad::ops {

/// What an element of grad_weight is the gradient of, beside the output channel.
struct WeightPlace {
    std::int64_t channel, row, column;
};

/// The place of the index-th lane of a patch.
WeightPlace patch_place(const plan::Conv2dProblem& problem, std::int64_t index);

/// Adds the segment of `box` to a block of grad_weight in families patches and kernel_rows, to the bit as register
/// tiles of the vector ISAs would, but of the terms that exist only: what is not finite must not meet the zeros of the
/// padding. One term after the other, which takes some hundred times as long. `total` is as in weight_channels_task.
template <class T>
void add_exact_sums(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan,
                    const plan::Conv2dWeightPlan::Block& block, const plan::PixelBox& box, kernels::Finish finish,
                    T* total);

}  // namespace backgrad::ops
