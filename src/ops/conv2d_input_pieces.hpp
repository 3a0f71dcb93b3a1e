#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_input_plan.hpp"

namespace backgrad::ops {

/// A task whose sums meet a piece of the weights at a time, those of a channel tile and a block of output channels:
/// some blocks of grad_input meet it while it is in the cache. `packed` are the weights of the group, unless the task
/// packs them; `finite` tells whether they are.
template <class T>
void input_pieces_task(const Conv2dContext<T>& context, const plan::Conv2dInputPlan& plan, std::int64_t group,
                       plan::Range blocks, plan::Range tiles, const T* packed, bool finite, WriteMode mode,
                       Scratch<T> scratch) noexcept;

}  // namespace backgrad::ops
