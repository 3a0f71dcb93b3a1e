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

}  // namespace backgrad::test
