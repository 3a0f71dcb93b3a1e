#pragma once

#include <backgrad/backgrad.h>
#include <backgrad/conv2d.hpp>

namespace backgrad::c {

Conv2dShape from_c(const backgrad_conv2d_shape& shape) noexcept;

/// Throws Error for what is no enumerator.
Conv2dBackwardOptions from_c(const backgrad_conv2d_backward_options& options);

}  // namespace backgrad::c
