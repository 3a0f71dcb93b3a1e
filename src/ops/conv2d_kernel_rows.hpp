#pragma once

#include "ops/conv2d_context.hpp"
#include "ops/conv2d_windows.hpp"
#include "plan/conv2d_weight_plan.hpp"

namespace backgrad::ops {

/// An operand of a weight gradient in family kernel_rows: all inputs that meet a row of the kernel, in the order
/// [kernel column][channel], lie side by side in a panel [image][row][column][channel] of the input. Pixels of the
/// output are a stride apart there, so that neighbours share what both meet.
///
/// Fills such a panel with the input rows of `window`, which is a segment's in the kernel_row_problem, and zeros where
/// the columns of the padding are.
template <class T>
Place pack_kernel_rows(const Conv2dContext<T>& context, const TensorView<const T>& input, const plan::PixelBox& box,
                       const Window& window, T* panel);

/// Whether any output meets columns of padding.
bool pads_columns(const plan::Conv2dProblem& problem);

}  // namespace backgrad::ops
