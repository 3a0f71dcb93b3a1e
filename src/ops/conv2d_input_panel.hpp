#pragma once

#include "ops/conv2d_context.hpp"
#include "ops/conv2d_prefetch.hpp"
#include "plan/conv2d_input_plan.hpp"

namespace backgrad::ops {

/// Whether the taps of a kernel row follow each other as terms, which the channels do where there are several.
inline bool has_tap_terms(const plan::Conv2dProblem& p) { return p.out_channels == 1 && p.stride_width == 1; }

/// The grad_output panel of a block: for each image [row][channel][column] from NCHW and wherever pixels are lanes, but
/// [column][channel][row] for tiles that go down, and [row][column][channel] from NHWC for lanes of channels, and for
/// tiles across images. These columns may stand backwards. What lies outside the tensor is zero.
template <class T>
struct InputPanel {
    T* data;  ///< the element of channel 0 in the first row and column of the first image's window
    plan::OutputWindow window;
    std::int64_t image, row, column, channel;  ///< strides
    std::int64_t term;  ///< between neighbouring terms: channels, or column taps of a single channel

    std::int64_t offset(std::int64_t y, std::int64_t x, std::int64_t c) const {
        return (y - window.rows.begin) * row + (x - window.columns.begin) * column + c * channel;
    }
};

/// Fills the panel of a block.
template <class T>
InputPanel<T> pack_input_panel(const Conv2dContext<T>& context, const plan::Conv2dInputPlan& plan, std::int64_t group,
                               const plan::InputBlock& block, T* memory);

/// Lists the grad_output that a block reads, for fetching ahead.
template <class T>
void prefetch_block(const Conv2dContext<T>& context, const plan::Conv2dInputPlan& plan, std::int64_t group,
                    const plan::InputBlock& block, PrefetchList<T>& list);

/// Lists what the sums of some input channels of a block are written to.
template <class T>
void prefetch_target(const TensorView<T>& grad_input, const plan::InputBlock& block, plan::Range channels,
                     PrefetchList<T>& list);

}  // namespace backgrad::ops
