#pragma once

#include "ops/conv2d_context.hpp"
#include "ops/tree_join.hpp"
#include "plan/conv2d_bias_plan.hpp"

namespace backgrad::ops {

/// Elements of scratch that add_bias_pass needs for `channels` channels.
template <class T>
constexpr std::int64_t bias_state_elements(std::int64_t channels) {
    return plan::round_up(channels * kernels::DotKernels<T>::chains, 16);
}

/// state = the chains of the sums of grad_output over one pass of a segment, for the channels given: `chains` of each
/// channel from NCHW, one of each from NHWC.
template <class T>
void sum_pass(const Conv2dContext<T>& context, const TensorView<const T>& grad_output, const plan::PixelBox& box,
              plan::Range channels, T* state) noexcept;

/// Whether the chains that sum_pass or add_bias_pass left are finite. If they are, so is all that they sum; a sum of
/// finite values may overflow, and then costs its user some time.
template <class T>
bool sums_are_finite(const Conv2dContext<T>& context, plan::Range channels, T* state) noexcept;

/// total[c] += the chains of channel c that sum_pass left, joined by the fixed tree.
template <class T>
void add_sums(const Conv2dContext<T>& context, plan::Range channels, const T* state, T* total) noexcept;

/// total[c] += sum of grad_output over one pass of a segment, for the channels given. NCHW: along the pixels of each
/// image's stretch, element q to chain q mod chains, joined by the fixed tree. NHWC: one chain per channel.
template <class T>
void add_bias_pass(const Conv2dContext<T>& context, const TensorView<const T>& grad_output, const plan::PixelBox& box,
                   plan::Range channels, T* state, T* total) noexcept;

/// The bias gradient on its own. One of plan.tasks tasks: one partial sum, into `partials`. The last segment group of
/// some channels joins and writes them. `arrivals` are plan.tasks counters.
template <class T>
void bias_task(const Conv2dContext<T>& context, const plan::Conv2dBiasPlan& plan, std::int64_t task, T* partials,
               const Arrivals& arrivals, WriteMode mode, T* scratch) noexcept;

/// to[i] += from[i].
template <class T>
void add_stretch(const kernels::PackKernels<T>& pack, const T* from, std::int64_t size, T* to) {
    pack.copy_out(from, size, 1, size, to, size, 1, kernels::Finish::add);
}

}  // namespace backgrad::ops
