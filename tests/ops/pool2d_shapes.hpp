#pragma once

#include <backgrad/pool2d.hpp>

#include <string>
#include <vector>

namespace backgrad::test {

/// Poolings of real networks (with few channels), ends of tensors, vector tails, and windows of every kind.
std::vector<Pool2dShape> pool2d_shapes();

Pool2dShape square(std::int64_t batch, std::int64_t channels, std::int64_t height, std::int64_t width,
                   std::int64_t window, std::int64_t stride, std::int64_t padding, std::int64_t dilation = 1);

/// "n2 c3 8x9 w3x3 s2x2 p1,1x1,1 d1x1".
std::string describe(const Pool2dShape& shape);

}  // namespace backgrad::test
