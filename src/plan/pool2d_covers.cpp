#include "plan/pool2d_plan.hpp"

#include <algorithm>

namespace backgrad::plan {

namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a <= 0 ? 0 : (a + b - 1) / b; }

}  // namespace

std::int64_t Pool2dAxis::cells(std::int64_t window_index) const {
    const std::int64_t start = window_index * stride - padding;
    const std::int64_t first = ceil_div(-start, dilation);
    const std::int64_t last = start >= in ? -1 : std::min(window - 1, (in - 1 - start) / dilation);
    return std::max<std::int64_t>(0, last - first + 1);
}

std::int64_t Pool2dCovers::span(std::int64_t rows) const {
    std::int64_t most = 0;
    for (std::int64_t row = 0; row < size(); ++row) {
        const auto begin = windows.begin() + first[static_cast<std::size_t>(row)];
        const auto end = windows.begin() + first[static_cast<std::size_t>(std::min(row + rows, size()))];
        if (begin == end) continue;
        const auto [low, high] = std::minmax_element(begin, end);
        most = std::max<std::int64_t>(most, *high - *low + std::int64_t{1});
    }
    return most;
}

Pool2dAxis height_axis(const Pool2dShape& s) {
    return {s.in_height, s.out_height(), s.window_height, s.stride_height, s.padding_top, s.dilation_height};
}

Pool2dAxis width_axis(const Pool2dShape& s) {
    return {s.in_width, s.out_width(), s.window_width, s.stride_width, s.padding_left, s.dilation_width};
}

Pool2dCovers make_covers(const Pool2dAxis& axis) {
    Pool2dCovers covers;
    covers.first.reserve(static_cast<std::size_t>(axis.in) + 1);
    covers.first.push_back(0);
    for (std::int64_t k = 0; k < axis.in; ++k) {
        // Taps that belong to an existing window, whose start is 0 to (out - 1) * stride behind the padding. The last
        // tap belongs to the first window.
        const std::int64_t low = ceil_div(k + axis.padding - (axis.out - 1) * axis.stride, axis.dilation);
        const std::int64_t high = std::min(axis.window - 1, (k + axis.padding) / axis.dilation);
        for (std::int64_t tap = high; tap >= low && axis.out > 0; --tap) {
            const std::int64_t start = k + axis.padding - tap * axis.dilation;
            if (start % axis.stride != 0) continue;
            covers.windows.push_back(static_cast<std::int32_t>(start / axis.stride));
            covers.taps.push_back(static_cast<std::int32_t>(tap));
        }
        covers.first.push_back(static_cast<std::int64_t>(covers.windows.size()));
    }
    return covers;
}

}  // namespace backgrad::plan
