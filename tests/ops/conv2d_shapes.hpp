#pragma once

#include <backgrad/conv2d.hpp>

#include <string>
#include <vector>

namespace backgrad::test {

/// Shapes that stress the same thing.
struct ShapeFamily {
    std::string name;
    std::vector<Conv2dShape> shapes;
};

/// Every family of the matrix, hand-listed ones and seeded random ones.
std::vector<ShapeFamily> conv2d_families();

/// Shapes with the reference's rotated kernel in mind: no padding, some with an oversized grad_output.
std::vector<Conv2dShape> rotated_kernel_shapes();

/// One shape for each kind of layer that a plan may treat differently: wide, 1x1, few channels, strided, dilated,
/// grouped, depthwise, one image, long sums.
std::vector<Conv2dShape> layer_kinds();

/// Layers whose rows, planes or pixels are whole cache lines, and some whose are not, for each way to write grad_input.
std::vector<Conv2dShape> shapes_of_lines();

}  // namespace backgrad::test
