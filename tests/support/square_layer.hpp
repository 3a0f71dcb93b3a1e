#pragma once

#include <backgrad/conv2d.hpp>

#include <cstdint>

namespace backgrad::test {

/// A square layer with padding for its kernel.
inline Conv2dShape square_layer(std::int64_t batch, std::int64_t in, std::int64_t size, std::int64_t out,
                                std::int64_t kernel, std::int64_t stride = 1, std::int64_t groups = 1) {
    const std::int64_t padding = kernel / 2;
    return {.batch = batch,
            .in_channels = in,
            .in_height = size,
            .in_width = size,
            .out_channels = out,
            .kernel_height = kernel,
            .kernel_width = kernel,
            .stride_height = stride,
            .stride_width = stride,
            .padding_top = padding,
            .padding_bottom = padding,
            .padding_left = padding,
            .padding_right = padding,
            .groups = groups};
}

/// A square layer without padding whose windows lie side by side.
inline Conv2dShape patch_layer(std::int64_t batch, std::int64_t in, std::int64_t size, std::int64_t out,
                               std::int64_t window) {
    Conv2dShape shape = square_layer(batch, in, size, out, window, window);
    shape.padding_top = shape.padding_bottom = shape.padding_left = shape.padding_right = 0;
    return shape;
}

}  // namespace backgrad::test
