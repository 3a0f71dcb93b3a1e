#pragma once

#include "plan/conv2d_problem.hpp"
#include "plan/register_tiles.hpp"

#include <rapidcheck.h>

#include <cstdint>

namespace backgrad::test {

/// A number in [low, high].
inline std::int64_t any(std::int64_t low, std::int64_t high) { return *rc::gen::inRange(low, high + 1); }

/// Register tiles as a 16-lane and an 8-lane ISA have them: for 5 and 7 vectors there is none.
inline const plan::RegisterTiles wide_tiles{16, {0, 14, 14, 9, 6, 0, 4, 0, 2}};
inline const plan::RegisterTiles narrow_tiles{8, {0, 14, 6, 4, 2, 0, 1, 0, 0}};

/// Any legal shape of moderate size; sizes may be zero where that is legal.
inline Conv2dShape any_shape() {
    Conv2dShape shape{.batch = any(0, 40),
                      .in_height = any(0, 70),
                      .in_width = any(0, 300),
                      .kernel_height = any(1, 7),
                      .kernel_width = any(1, 7),
                      .stride_height = any(1, 3),
                      .stride_width = any(1, 3),
                      .padding_top = any(0, 3),
                      .padding_bottom = any(0, 3),
                      .padding_left = any(0, 3),
                      .padding_right = any(0, 3),
                      .dilation_height = any(1, 2),
                      .dilation_width = any(1, 2),
                      .groups = any(1, 4)};
    shape.in_channels = shape.groups * any(1, 700);
    shape.out_channels = shape.groups * any(1, 700);
    return shape;
}

}  // namespace backgrad::test
