#include "plan/conv2d_problem.hpp"

#include <algorithm>

namespace backgrad::plan {

namespace {

bool is_pointwise(const Conv2dProblem& p) {
    return p.kernel_height == 1 && p.kernel_width == 1 && p.stride_height == 1 && p.stride_width == 1 &&
           p.padding_top == 0 && p.padding_left == 0 && p.in_height == p.out_height && p.in_width == p.out_width &&
           p.grad_output_height == p.out_height && p.grad_output_width == p.out_width;
}

}  // namespace

Range valid_outputs(std::int64_t outputs, std::int64_t inputs, std::int64_t stride, std::int64_t offset) {
    const std::int64_t begin = offset >= 0 ? 0 : ceil_div(-offset, stride);
    const std::int64_t last = inputs - 1 - offset;
    const std::int64_t end = last < 0 ? 0 : std::min(outputs, last / stride + 1);
    return {begin, std::max(begin, end)};
}

Range share(std::int64_t size, std::int64_t parts, std::int64_t p) {
    const std::int64_t small = size / parts, larger = size % parts;
    const std::int64_t begin = p * small + std::min(p, larger);
    return {begin, begin + small + (p < larger ? 1 : 0)};
}

Conv2dProblem make_problem(const Conv2dShape& shape, const Conv2dBackwardOptions& options) {
    Conv2dProblem p{};
    p.layout = options.layout;
    p.weight_ohwi = options.weight_layout == WeightLayout::automatic ? options.layout == Layout::nhwc
                                                                     : options.weight_layout == WeightLayout::ohwi;
    p.rotated_kernel = options.input_gradient == InputGradient::rotated_kernel;
    p.batch = shape.batch;
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
    if (is_pointwise(p)) {
        p.in_width = p.out_width = p.grad_output_width = p.in_height * p.in_width;
        p.in_height = p.out_height = p.grad_output_height = 1;
    }
    return p;
}

}  // namespace backgrad::plan
