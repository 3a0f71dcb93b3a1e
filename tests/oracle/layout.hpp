#pragma once

#include <backgrad/types.hpp>

#include <cstdint>

namespace backgrad::oracle {

/// Sizes of an activation tensor and its memory order.
struct Tensor4d {
    Layout layout = Layout::nchw;
    std::int64_t batch = 0;
    std::int64_t channels = 0;
    std::int64_t height = 0;
    std::int64_t width = 0;

    std::int64_t elements() const { return batch * channels * height * width; }

    std::int64_t offset(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
        if (layout == Layout::nchw) return ((n * channels + c) * height + y) * width + x;
        return ((n * height + y) * width + x) * channels + c;
    }

    bool contains(std::int64_t y, std::int64_t x) const { return 0 <= y && y < height && 0 <= x && x < width; }
};

}  // namespace backgrad::oracle
