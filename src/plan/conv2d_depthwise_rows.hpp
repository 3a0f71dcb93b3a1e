#pragma once

#include "plan/conv2d_problem.hpp"
#include "plan/segments.hpp"

#include <cstdint>

namespace backgrad::plan {

/// Whether grad_weight is summed straight from rows of NHWC: 1 or 3 tap rows and columns without dilation, and a stride
/// of 1 or 2. Some rows of outputs go together, output by output along them, and for each one row after the other. It
/// decides the order of additions, so it depends on the problem alone.
bool works_on_rows(const Conv2dProblem& problem);

/// Whether there are kernels that compute grad_input straight from rows of NHWC: 3, 5 or 7 tap columns without
/// dilation, and a stride of 1 or 2 between them.
bool has_row_input(const Conv2dProblem& problem);

/// The rows of a segment that go together are as equal as can be.
std::int64_t row_block_count(const Conv2dProblem& problem, const PixelBox& segment);
Range row_block(const Conv2dProblem& problem, const PixelBox& segment, std::int64_t block);

}  // namespace backgrad::plan
