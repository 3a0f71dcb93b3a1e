#pragma once

#include <backgrad/conv2d.hpp>

#include <cstddef>

namespace backgrad::ops {

/// Throws Error unless shape and options describe a convolution whose tensors can be addressed.
void validate_conv2d(const Conv2dShape& shape, const Conv2dBackwardOptions& options, std::size_t element_bytes);

}  // namespace backgrad::ops
