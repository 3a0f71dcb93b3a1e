#include "plan/conv2d_depthwise_rows.hpp"

namespace backgrad::plan {

namespace {

/// Rows of outputs that share rows of input in registers: with stride 2 they share few.
std::int64_t most_rows(const Conv2dProblem& p) { return p.stride_height == 1 ? 4 : 2; }

bool small_axis(std::int64_t kernel, std::int64_t dilation) { return kernel == 1 || (kernel == 3 && dilation == 1); }

}  // namespace

bool works_on_rows(const Conv2dProblem& p) {
    return p.depthwise() && p.layout == Layout::nhwc && p.stride_height == p.stride_width && p.stride_height <= 2 &&
           small_axis(p.kernel_height, p.dilation_height) && small_axis(p.kernel_width, p.dilation_width);
}

bool has_row_input(const Conv2dProblem& p) {
    const bool odd = p.kernel_width == 3 || p.kernel_width == 5 || p.kernel_width == 7;
    return p.depthwise() && p.layout == Layout::nhwc && odd && p.dilation_width == 1 && p.stride_width <= 2 &&
           p.kernel_height <= 16 && p.padding_left >= 0;
}

std::int64_t row_block_count(const Conv2dProblem& p, const PixelBox& segment) {
    return ceil_div(segment.rows(), most_rows(p));
}

Range row_block(const Conv2dProblem& p, const PixelBox& segment, std::int64_t block) {
    const Range rows = share(segment.rows(), row_block_count(p, segment), block);
    return {segment.row_begin + rows.begin, segment.row_begin + rows.end};
}

}  // namespace backgrad::plan
