#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_depthwise_plan.hpp"

namespace backgrad::ops {

/// A panel: a window of one unit as [row][column][unit].
template <class T>
struct DepthwisePanel {
    const T* data;
    plan::DepthwiseWindow window;
    std::int64_t row, pixel;  ///< strides

    const T* at(std::int64_t y, std::int64_t x) const {
        return data + (y - window.rows.begin) * row + (x - window.columns.begin) * pixel;
    }
};

/// Memory for the panels of one strip.
template <class T>
struct DepthwiseMemory {
    T *grad_output, *input, *split, *grad_input;
};

/// Copies a window of a height x width tensor into a panel; what lies outside is zero.
template <class T>
DepthwisePanel<T> read_panel(const Conv2dContext<T>& context, const TensorView<const T>& tensor, std::int64_t height,
                             std::int64_t width, std::int64_t image, plan::Range channels,
                             const plan::DepthwiseWindow& window, T* data) noexcept;

/// Goes on with the chains `state`, [tap][unit], of one unit's weight gradient for one strip. `finite` says that all of
/// the strip's grad_output is. `grad_output` holds the strip at least, as panel or in the tensor.
template <class T>
void add_depthwise_weight(const Conv2dContext<T>& context, const plan::DepthwiseStrip& strip, plan::Range channels,
                          const DepthwisePanel<T>& grad_output, bool finite, const DepthwiseMemory<T>& memory,
                          T* state) noexcept;

/// Packs the weights of a unit as [tap][unit], in the order in which grad_input adds. Returns true if all are finite.
template <class T>
bool pack_depthwise_weight(const Conv2dContext<T>& context, plan::Range channels, T* to) noexcept;

/// Writes one unit's grad_input in `window`. `grad_output` holds what depthwise_grad_output(window) says.
template <class T>
void write_depthwise_input(const Conv2dContext<T>& context, std::int64_t image, const plan::DepthwiseWindow& window,
                           plan::Range channels, const DepthwisePanel<T>& grad_output, const T* weights, bool finite,
                           WriteMode mode, const DepthwiseMemory<T>& memory) noexcept;

}  // namespace backgrad::ops
