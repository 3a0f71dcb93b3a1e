#include "plan/conv2d_problem.hpp"

#include <algorithm>

namespace backgrad::plan {

namespace {

bool unpadded(const Conv2dProblem& p) {
    return p.padding_top == 0 && p.padding_left == 0 && p.grad_output_height == p.out_height &&
           p.grad_output_width == p.out_width;
}

/// One window covers the whole input: each kernel tap meets one pixel, so pixels and channels are one index.
bool is_dense(const Conv2dProblem& p) {
    const bool same_order = p.weight_ohwi == (p.layout == Layout::nhwc) || p.taps() == 1;
    return unpadded(p) && !p.rotated_kernel && same_order && p.out_height == 1 && p.out_width == 1 &&
           p.dilation_height == 1 && p.dilation_width == 1 && p.kernel_height == p.in_height &&
           p.kernel_width == p.in_width && (p.groups == 1 || p.layout == Layout::nchw || p.taps() == 1);
}

/// The windows of a row of outputs lie side by side and cover the rows of the input: with channels last each is one
/// pixel of kernel_width * in_channels channels.
bool has_joined_columns(const Conv2dProblem& p) {
    return p.layout == Layout::nhwc && p.weight_ohwi && !p.rotated_kernel && p.groups == 1 && p.kernel_width > 1 &&
           p.stride_width == p.kernel_width && p.dilation_width == 1 && p.padding_left == 0 &&
           p.grad_output_width == p.out_width && p.in_width == p.out_width * p.kernel_width;
}

/// One image of one row with the given number of pixels.
void set_pixels(Conv2dProblem& p, std::int64_t pixels) {
    p.in_width = p.out_width = p.grad_output_width = pixels;
    p.in_height = p.out_height = p.grad_output_height = 1;
    p.stride_height = p.stride_width = 1;
}

}  // namespace

bool meets_single_pixels(const Conv2dProblem& p) {
    return unpadded(p) && p.taps() == 1 && p.out_height == ceil_div(p.in_height, p.stride_height) &&
           p.out_width == ceil_div(p.in_width, p.stride_width);
}

bool is_pointwise(const Conv2dProblem& p) {
    return meets_single_pixels(p) && p.in_height == p.out_height && p.in_width == p.out_width &&
           (p.stride_height == 1 || p.out_height == 1) && (p.stride_width == 1 || p.out_width == 1);
}

Range valid_outputs(std::int64_t outputs, std::int64_t inputs, std::int64_t stride, std::int64_t offset) {
    const std::int64_t begin = offset >= 0 ? 0 : ceil_div(-offset, stride);
    const std::int64_t last = inputs - 1 - offset;
    const std::int64_t end = last < 0 ? 0 : std::min(outputs, last / stride + 1);
    return {begin, std::max(begin, end)};
}

Range valid_rows(const Conv2dProblem& p, std::int64_t kernel_row) {
    return valid_outputs(p.out_height, p.in_height, p.stride_height, p.input_row(0, kernel_row));
}

Range valid_columns(const Conv2dProblem& p, std::int64_t kernel_column) {
    return valid_outputs(p.out_width, p.in_width, p.stride_width, p.input_column(0, kernel_column));
}

Range share(std::int64_t size, std::int64_t parts, std::int64_t p) {
    const std::int64_t small = size / parts, larger = size % parts;
    const auto begin = [=](std::int64_t part) { return part * small + part * larger / parts; };
    return {begin(p), begin(p + 1)};
}

namespace {

/// Shapes that mean the same become one shape.
void canonicalise(Conv2dProblem& p) {
    // Images of one channel are the same in either layout.
    if (p.groups == 1 && p.depthwise()) {
        p.layout = Layout::nchw;
        p.weight_ohwi = false;
    }
    if (is_dense(p)) {
        p.in_channels *= p.taps();
        p.kernel_height = p.kernel_width = 1;
        set_pixels(p, 1);
    }
    if (has_joined_columns(p)) {
        p.in_channels *= p.kernel_width;
        p.in_width = p.out_width;
        p.kernel_width = p.stride_width = 1;
    }
    if (!is_pointwise(p)) return;
    set_pixels(p, p.in_height * p.in_width);
    // Images of one pixel are the same in either layout, and channels-last images follow each other like pixels.
    if (p.in_width == 1) p.layout = Layout::nhwc;
    if (p.layout == Layout::nhwc) {
        set_pixels(p, p.batch * p.in_width);
        p.batch = p.in_width == 0 ? 0 : 1;
    }
}

}  // namespace

Conv2dProblem make_problem(const Conv2dShape& shape, const Conv2dBackwardOptions& options) {
    Conv2dProblem p{};
    p.layout = options.layout;
    p.weight_ohwi = options.weight_layout == WeightLayout::automatic ? options.layout == Layout::nhwc
                                                                     : options.weight_layout == WeightLayout::ohwi;
    p.rotated_kernel = options.input_gradient == InputGradient::rotated_kernel;
    p.batch = p.images = shape.batch;
    p.groups = shape.groups;
    p.in_channels = shape.in_channels / shape.groups;
    p.out_channels = shape.out_channels / shape.groups;
    p.in_height = shape.in_height;
    p.in_width = shape.in_width;
    p.grad_output_height = shape.out_height >= 0 ? shape.out_height : shape.formula_out_height();
    p.grad_output_width = shape.out_width >= 0 ? shape.out_width : shape.formula_out_width();
    p.out_height = std::min(p.grad_output_height, shape.formula_out_height());
    p.out_width = std::min(p.grad_output_width, shape.formula_out_width());
    p.kernel_height = shape.kernel_height;
    p.kernel_width = shape.kernel_width;
    p.stride_height = shape.stride_height;
    p.stride_width = shape.stride_width;
    p.padding_top = shape.padding_top;
    p.padding_left = shape.padding_left;
    p.dilation_height = shape.dilation_height;
    p.dilation_width = shape.dilation_width;
    canonicalise(p);
    return p;
}

std::int64_t lane_group(const Conv2dProblem& p, std::size_t element_bytes) {
    if (p.depthwise()) return 1;
    const std::int64_t lanes = static_cast<std::int64_t>(64 / element_bytes), channels = p.in_channels;
    const bool fit_vectors = (channels & (channels - 1)) == 0 && channels < lanes && p.groups * channels >= lanes;
    return p.out_channels == channels && channels > 1 && fit_vectors && p.taps() > 1 ? channels : 0;
}

}  // namespace backgrad::plan
