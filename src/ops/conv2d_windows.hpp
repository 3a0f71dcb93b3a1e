#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_problem.hpp"
#include "plan/segments.hpp"

#include <algorithm>
#include <cstdint>

namespace backgrad::ops {

/// Positions begin, begin + step, ... along one axis of a tensor.
struct Axis {
    std::int64_t begin, step, count;

    std::int64_t index(std::int64_t position) const { return (position - begin) / step; }
};

/// The part of a tensor that one segment reads: some images, rows and columns.
struct Window {
    std::int64_t image_begin, images;
    Axis rows, columns;

    std::int64_t pixels() const { return images * rows.count * columns.count; }
};

/// Where a window's pixels lie, in a panel or in the tensor itself: element strides of its images, rows and columns.
struct Place {
    Window window;
    std::int64_t image, row, column;

    std::int64_t offset(std::int64_t n, std::int64_t y, std::int64_t x) const {
        return (n - window.image_begin) * image + window.rows.index(y) * row + window.columns.index(x) * column;
    }
};

/// A panel that numbers the pixels in order, `unit` elements each.
inline Place panel_place(const Window& window, std::int64_t unit) {
    return {window, window.rows.count * window.columns.count * unit, window.columns.count * unit, unit};
}

inline Window output_window(const plan::PixelBox& box) {
    return {box.image_begin, box.images(), {box.row_begin, 1, box.rows()}, {box.column_begin, 1, box.columns()}};
}

/// What outputs [begin, end) read along one axis. A kernel of one tap reads every stride-th position only.
inline Axis input_axis(std::int64_t begin, std::int64_t end, std::int64_t stride, std::int64_t padding,
                       std::int64_t kernel, std::int64_t dilation, std::int64_t size) {
    if (kernel == 1) {
        const plan::Range valid = plan::valid_outputs(end, size, stride, -padding);
        const std::int64_t first = std::max(begin, valid.begin);
        return {first * stride - padding, stride, std::max<std::int64_t>(0, valid.end - first)};
    }
    const std::int64_t first = std::max<std::int64_t>(0, begin * stride - padding);
    const std::int64_t last = std::min(size, (end - 1) * stride - padding + (kernel - 1) * dilation + 1);
    return {first, 1, std::max<std::int64_t>(0, last - first)};
}

inline Window input_window(const plan::Conv2dProblem& p, const plan::PixelBox& box) {
    return {box.image_begin, box.images(),
            input_axis(box.row_begin, box.row_end, p.stride_height, p.padding_top, p.kernel_height, p.dilation_height,
                       p.in_height),
            input_axis(box.column_begin, box.column_end, p.stride_width, p.padding_left, p.kernel_width,
                       p.dilation_width, p.in_width)};
}

/// Calls visit(first element, pixels, panel index) for every stretch of pixels that lie columns.step apart; whole
/// neighbouring rows are one stretch.
template <class T, class Visit>
void for_each_stretch(const TensorView<const T>& tensor, const Window& window, Visit visit) {
    const Axis &rows = window.rows, &columns = window.columns;
    const bool joined = rows.step == 1 && columns.step == 1 && columns.count * tensor.pixel == tensor.row;
    const std::int64_t steps = joined ? 1 : rows.count, pixels = joined ? rows.count * columns.count : columns.count;
    for (std::int64_t n = 0; n < window.images; ++n)
        for (std::int64_t i = 0; i < steps; ++i)
            visit(tensor.at(window.image_begin + n, 0, rows.begin + i * rows.step, columns.begin), pixels,
                  (n * rows.count + i) * columns.count);
}

}  // namespace backgrad::ops
