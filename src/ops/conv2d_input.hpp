#pragma once

#include "ops/conv2d_context.hpp"
#include "ops/conv2d_input_fold.hpp"
#include "plan/conv2d_input_plan.hpp"

namespace backgrad::ops {

/// Packs one (group, channel tile, output-channel block) of the weights. Returns true if all of it is finite.
template <class T>
bool pack_weight_task(const Conv2dContext<T>& context, const plan::Conv2dInputPlan& plan, std::int64_t task,
                      T* packed) noexcept;

/// Packs the weights of one channel tile and one block of output channels. Returns true if all of them are finite.
template <class T>
bool pack_weight_piece(const Conv2dContext<T>& context, const plan::Conv2dInputPlan& plan, std::int64_t group,
                       plan::Range channels, plan::Range outputs, T* to) noexcept;

/// Copies the weights of one channel tile from OIHW to [output channel][channel][tap]. Returns true if all of them are
/// finite.
template <class T>
bool copy_tile_weights(const Conv2dContext<T>& context, std::int64_t group, plan::Range channels, T* to) noexcept;

/// One task of the input gradient: the blocks of its share, the channel tiles of its share.
/// `weights_finite` = false makes every sum skip the padding instead of adding zeros times weights.
template <class T>
void input_task(const Conv2dContext<T>& context, const plan::Conv2dInputPlan& plan, std::int64_t task, const T* packed,
                bool weights_finite, const SharedTapSums<T>& tap_sums, WriteMode mode, Scratch<T> scratch) noexcept;

}  // namespace backgrad::ops
