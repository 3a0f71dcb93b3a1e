#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_weight_plan.hpp"

namespace backgrad::ops {

/// Moves `pixels` pixels, `step` apart, into planes: channels first, whatever the layout. Returns true if all are
/// finite.
template <class T>
bool move_to_planes(const kernels::PackKernels<T>& pack, const TensorView<const T>& tensor, const T* from,
                    std::int64_t channels, std::int64_t pixels, std::int64_t step, T* to, std::int64_t plane) {
    if (tensor.channel != 1 || channels == 1)
        return pack.copy(from, tensor.channel, tensor.pixel * step, channels, pixels, to, plane);
    return pack.transpose_tight(from, tensor.pixel * step, pixels, channels, to, plane);
}

/// Fills the panel of the input that the output pixels of a box meet; returns true if all of it is finite.
template <class T>
bool pack_input_planes(const Conv2dContext<T>& context, const TensorView<const T>& input, const plan::PixelBox& box,
                       const plan::PixelPanels& sizes, T* panel);

/// Where the pixel of tap (row, column) of input channel `channel` lies in that panel, from the output's pixel on.
std::int64_t tap_offset(const plan::Conv2dProblem& problem, const plan::PixelPanels& sizes, std::int64_t channel,
                        std::int64_t row, std::int64_t column);

}  // namespace backgrad::ops
