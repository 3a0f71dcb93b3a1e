#pragma once

#include "plan/conv2d_problem.hpp"
#include "plan/segments.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace backgrad::plan {

/// What a vector's lanes are. It decides the order of additions, so it depends on problem and element size alone.
enum class LaneFamily {
    channels,     ///< one chain per output; the lane operand is a panel with channels last
    pixels,       ///< sums across lanes; the input is a panel with channels first, grad_output may stay in place
    patches,      ///< one chain per output; the lanes are the inputs that meet a window, of all input channels
    kernel_rows,  ///< one chain per output; one operand is the inputs that meet a kernel row, side by side
};

/// What a dot tile sums at a stretch with pixels as lanes: a row of grad_output, or all rows of an image with the reach
/// of the kernel between them, which fills the vectors of short rows. It decides the order of additions.
enum class PixelRuns { rows, images };

/// Which tensor's channels are the lanes of the weight gradient. Free to choose: it changes no bit.
enum class LaneSide { grad_output, input };

/// The weight gradient with its operands exchanged, of a convolution of stride 1: over the input's pixels, with the
/// input in the place of grad_output, the rotated kernel, and the padding that remains of its reach.
Conv2dProblem exchanged(const Conv2dProblem& problem);

/// Whether operands are exchanged: with pixels as lanes the rows of a dot tile are the channels of one operand, and the
/// other is copied, which costs least where that has the fewer channels.
bool exchanges_operands(const Conv2dProblem& problem, std::size_t element_bytes);

/// The problem whose weight gradient is computed: the exchanged one or the same.
Conv2dProblem weight_problem(const Conv2dProblem& problem, std::size_t element_bytes);

/// The family by the cost model of DESIGN section 5; nominal vectors of 64 bytes on every ISA. Depthwise convolutions
/// make lanes of the channels of many groups.
LaneFamily weight_family(const Conv2dProblem& problem, std::size_t element_bytes);

/// The runs with the fewest cycles.
PixelRuns weight_runs(const Conv2dProblem& problem, std::size_t element_bytes);

/// How terms of grad_weight become lanes. All but the side decides the order of additions.
struct WeightWay {
    LaneFamily family;
    LaneSide side;
    PixelRuns runs;  ///< family pixels
    bool exchanged;  ///< family pixels: the operands are
    double cycles;   ///< the model's estimate per output pixel and convolution group: nominal, but between sides

    bool same_order(const WeightWay& other) const {
        return family == other.family && exchanged == other.exchanged &&
               (family != LaneFamily::pixels || runs == other.runs);
    }
};

/// The way that the plan takes. Only the side depends on the lanes of an ISA.
WeightWay weight_way(const Conv2dProblem& problem, std::size_t element_bytes, int lanes);

/// Every way that exists for a problem that is not depthwise.
std::vector<WeightWay> weight_ways(const Conv2dProblem& problem, std::size_t element_bytes, int lanes);

/// The problem whose weight gradient is computed so, before patches become its channels.
inline Conv2dProblem weight_problem(const Conv2dProblem& problem, const WeightWay& way) {
    return way.exchanged ? exchanged(problem) : problem;
}

/// How segments are passed over. With pixels as lanes every pass begins at chain 0, so its size depends on the problem
/// and the element size alone; with channels as lanes a segment is one pass.
Passes weight_passes(const Conv2dProblem& problem, LaneFamily family, const Segments& segments);

/// The segments of grad_weight for a family.
Segments weight_segments(const Conv2dProblem& problem, LaneFamily family, std::size_t element_bytes);

/// The side whose channels are better lanes in family channels, and in family kernel_rows, where the input's lanes are
/// the inputs of a kernel row.
LaneSide weight_side(const Conv2dProblem& problem, int lanes);
LaneSide kernel_row_side(const Conv2dProblem& problem, int lanes);

/// Input pixels that are packed for one output pixel. A kernel of one tap along an axis skips what it does not read.
double input_pixels(const Conv2dProblem& problem);

}  // namespace backgrad::plan
