#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_weight_plan.hpp"

namespace backgrad::ops {

/// Some rows of an image, and of each some pixels; `step` apart.
struct PixelGrid {
    std::int64_t rows, row_step, pixels, pixel_step;
};

/// Moves pixels of some channels, from pixel `from` of channel 0 on, into planes: channels first, whatever the layout,
/// with rows of `pitch` elements. Returns true if all are finite. A channel at a time where it lies in one piece: rows
/// of one channel after the other would come slowly from memory.
template <class T>
bool move_to_planes(const kernels::PackKernels<T>& pack, const TensorView<const T>& tensor, const T* from,
                    std::int64_t channels, const PixelGrid& grid, T* to, std::int64_t pitch, std::int64_t plane) {
    const std::int64_t row = tensor.row * grid.row_step, pixel = tensor.pixel * grid.pixel_step;
    bool finite = true;
    if (tensor.channel != 1 || channels == 1) {
        for (std::int64_t c = 0; c < channels; ++c)
            finite &= pack.copy(from + c * tensor.channel, row, pixel, grid.rows, grid.pixels, to + c * plane, pitch);
    } else {
        for (std::int64_t y = 0; y < grid.rows; ++y)
            finite &= pack.transpose_tight(from + y * row, pixel, grid.pixels, channels, to + y * pitch, plane);
    }
    return finite;
}

/// Fills the panel of the input that the output pixels of a box meet; returns true if all of it is finite.
template <class T>
bool pack_input_planes(const Conv2dContext<T>& context, const TensorView<const T>& input, const plan::PixelBox& box,
                       const plan::PixelPanels& sizes, T* panel);

/// Where the pixel of tap (row, column) of input channel `channel` lies in that panel, from the output's pixel on.
std::int64_t tap_offset(const plan::Conv2dProblem& problem, const plan::PixelPanels& sizes, std::int64_t channel,
                        std::int64_t row, std::int64_t column);

}  // namespace backgrad::ops
