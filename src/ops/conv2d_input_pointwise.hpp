#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_input_plan.hpp"

#include <algorithm>
#include <cstdint>

namespace backgrad::ops {

/// Offset of the packed weights of some input channels, a register tile's, from an output channel on. Each block of
/// panel_channels lies in one piece, in the order in which the tiles of a strip read it: from one tile to the next, the
/// hardware's prefetchers go on.
inline std::int64_t pointwise_weights(const plan::Conv2dProblem& p, plan::Range channels, std::int64_t out_channel) {
    constexpr std::int64_t most = plan::Conv2dInputPlan::panel_channels;
    const std::int64_t begin = out_channel / most * most, size = std::min(most, p.out_channels - begin);
    return begin * p.in_channels + channels.begin * size + (out_channel - begin) * channels.size();
}

/// One task of Conv2dInputPlan::pointwise: some pixels of some images, some input channels. `weights` are the packed
/// weights of the convolution group.
template <class T>
void input_pointwise_task(const Conv2dContext<T>& context, const plan::Conv2dInputPlan& plan, std::int64_t group,
                          plan::Range blocks, plan::Range tiles, const T* weights, WriteMode mode,
                          Scratch<T> scratch) noexcept;

}  // namespace backgrad::ops
