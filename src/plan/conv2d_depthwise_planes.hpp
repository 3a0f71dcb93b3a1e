#pragma once

#include "plan/conv2d_problem.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace backgrad::plan {

/// Some columns of grad_output in the lanes of 64 bytes: lane k is column `origin` + k of grad_output, or of phase f of
/// input, whose column is (origin + k) * stride + f. A lane of a bit set belongs to the block.
struct DepthwisePlaneColumns {
    std::int64_t origin;
    std::uint32_t own;                ///< the columns of grad_output that belong to the block
    std::vector<std::uint32_t> taps;  ///< for each tap column, the columns of input that meet them
    /// Elements of a row that exist from lane 0 and from the middle lane on, at most as many as half the lanes need.
    std::int64_t grad_output_elements[2], input_elements[2];
};

constexpr std::int64_t plane_block_bytes = 64;  ///< room for such a block in scratch memory

/// How the rows of NCHW planes lie in lanes where grad_weight is summed straight from them. The term of output column x
/// at tap column c goes to the chain of the lane of its input column. Where rows fill no more than half the lanes, the
/// rows of images 2k of a segment lie in the lower half and those of images 2k + 1 in the upper half.
struct DepthwisePlanesPlan {
    bool paired;
    std::int64_t lanes;
    std::vector<DepthwisePlaneColumns> blocks;
};

/// Whether the gradients may be computed straight from planes: NCHW, a kernel of at most 9 taps with a centre, the
/// padding that goes with it, and a stride of 1 or 2. It decides the order of additions of grad_weight, so it depends
/// on the problem alone.
bool works_on_planes(const Conv2dProblem& problem);

/// For a problem of which works_on_planes is true.
DepthwisePlanesPlan plan_planes(const Conv2dProblem& problem, std::size_t element_bytes);

/// Some columns of grad_input, stride times `columns`, as lanes: lane k of a row of grad_output is column origin + k.
struct DepthwisePlaneInputColumns {
    Range columns;
    std::int64_t origin;
    /// For each distance from the lowest on, the lanes whose column of grad_output exists.
    std::vector<std::uint32_t> exists;
};
/// For a problem of which works_on_planes is true.
std::vector<DepthwisePlaneInputColumns> plan_input_planes(const Conv2dProblem& problem, std::size_t element_bytes);

/// At tap column c, output column x meets column x + shift of phase `phase` of the input.
struct DepthwiseTapColumn {
    std::int64_t phase, shift;
};
DepthwiseTapColumn tap_column(const Conv2dProblem& problem, std::int64_t c);

}  // namespace backgrad::plan
