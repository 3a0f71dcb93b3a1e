#pragma once

#include "plan/conv2d_problem.hpp"
#include "plan/conv2d_weight_family.hpp"
#include "plan/register_tiles.hpp"
#include "plan/segments.hpp"

#include <backgrad/strategy.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace backgrad::plan {

/// The weight gradient's sum over batch and pixels, cut into segments, the segments into groups with a partial sum
/// each, and grad_weight into blocks. One task = (segment group, convolution group, lane block, row block). In family
/// pixels the rows are output channels of the problem and there is one lane block with all its input channels.
struct Conv2dWeightPlan {
    LaneFamily family;
    Conv2dProblem
        problem;     ///< in whose channels and taps the plan counts: see patch_problem, kernel_row_problem, exchanged
    bool exchanged;  ///< family pixels: the operands are, and the bias is a matter of its own
    LaneSide side;
    Segments segments;
    std::int64_t segment_groups;
    std::int64_t lane_channels, row_channels;  ///< channels of a convolution group on either side
    std::int64_t lane_blocks, row_blocks;
    LaneTiles block_tiles;             ///< of the largest lane block (family channels)
    std::int64_t rows_per_block;       ///< channels of the largest row block
    std::int64_t kernel_row_elements;  ///< family kernel_rows: of the input of a segment
    bool continued;                    ///< the batch comes in several parts, whose tasks continue the same sums
    Passes passes;                     ///< family pixels: what is worked on at once, near the L1 cache
    PixelRuns runs;                    ///< family pixels
    std::int64_t tasks;

    /// Elements of one partial sum of the largest block, in tile order; the bias of its output channels stands behind.
    std::int64_t block_elements, block_bias;
    /// Elements of the scratch memory of one worker, and of the partial sums that all share.
    std::int64_t worker_elements, shared_elements;

    /// Family pixels: grad_output has rows of pixels already and needs no zeros between them.
    bool reads_grad_output_in_place() const { return runs == PixelRuns::rows && problem.layout == Layout::nchw; }
    /// Whether an operand's panel is that of kernel rows, which every block brings whole.
    bool has_kernel_row_panel(LaneSide operand) const {
        return family == LaneFamily::kernel_rows && operand == LaneSide::input;
    }
    /// Whether a block brings the inputs of all channels, whatever its own.
    bool brings_all_inputs() const { return family == LaneFamily::patches || family == LaneFamily::kernel_rows; }
    /// Elements of an operand that a block of so many of its channels brings for an output pixel.
    double elements_per_pixel(LaneSide operand, double channels) const {
        if (has_kernel_row_panel(operand))
            return static_cast<double>(kernel_row_elements) /
                   static_cast<double>(std::max<std::int64_t>(1, segments.largest()));
        return channels * (operand == LaneSide::input ? input_pixels(problem) : 1);
    }
    /// Elements of the operands' panels for so many pixels. Lanes of kernel rows are read by whole vectors.
    std::int64_t lane_panel_elements(std::int64_t pixels) const {
        return has_kernel_row_panel(side) ? kernel_row_elements + block_tiles.lanes : block_tiles.padded() * pixels;
    }
    std::int64_t row_panel_elements(std::int64_t pixels) const {
        return has_kernel_row_panel(row_side()) ? kernel_row_elements : rows_per_block * pixels;
    }
    LaneSide row_side() const { return side == LaneSide::input ? LaneSide::grad_output : LaneSide::input; }
    /// Most rows of pixels in a segment, all images together.
    std::int64_t segment_lines() const { return segments.images * ceil_div(segments.height, segments.row_parts); }
    /// Elements of scratch that hold `runs` runs of a register tile (three 64-bit numbers each), or `counts` counts.
    static std::int64_t run_elements(std::int64_t runs, std::size_t element_bytes) {
        return round_up(3 * runs * 8 / static_cast<std::int64_t>(element_bytes), 16);
    }
    static std::int64_t count_elements(std::int64_t counts, std::size_t element_bytes) {
        return round_up(counts * 8 / static_cast<std::int64_t>(element_bytes), 16);
    }

    /// Whether sums outlive a task: there are several to join, or a later task goes on with them.
    bool partials() const { return segment_groups > 1 || continued; }
    /// Tasks per segment group. The convolution groups of a segment group follow each other: where channels are last,
    /// they share its cache lines.
    std::int64_t blocks() const { return problem.groups * lane_blocks * row_blocks; }
    std::int64_t segment_group_of(std::int64_t task) const { return task / blocks(); }
    /// A block of grad_weight and the segment group that is summed: what a task works on.
    struct Block {
        std::int64_t group, segment_group, lanes, rows;
    };
    Block block(std::int64_t task) const {
        return {task / (lane_blocks * row_blocks) % problem.groups, segment_group_of(task),
                task / row_blocks % lane_blocks, task % row_blocks};
    }
    std::int64_t task(const Block& b) const {
        return ((b.segment_group * problem.groups + b.group) * lane_blocks + b.lanes) * row_blocks + b.rows;
    }
    std::int64_t partial_elements() const { return bias_offset() + round_up(block_bias, 16); }
    /// Where the bias of a block's output channels begins in its partial sum.
    std::int64_t bias_offset() const { return round_up(block_elements, 16); }
    Range segment_group(std::int64_t group) const { return share(segments.count, segment_groups, group); }
    /// Lane blocks end at whole vectors, so that only the last has lanes without a channel.
    Range lane_block(std::int64_t block) const;
    Range row_block(std::int64_t block) const { return share(row_channels, row_blocks, block); }
    /// The output channels of a block, and whether the block computes their bias.
    Range output_channels(std::int64_t lanes, std::int64_t rows) const {
        return side == LaneSide::grad_output ? lane_block(lanes) : row_block(rows);
    }
    bool has_bias(std::int64_t lanes, std::int64_t rows) const {
        return !exchanged && (side == LaneSide::grad_output ? rows : lanes) == 0;
    }
};

/// Sizes (elements) of the panels of families pixels and patches (the input's only) for a part of a segment. Both
/// panels have rows of `pitch` elements, as many as a row of grad_output and the reach of the kernel behind it, so that
/// all rows of an image may be one run: grad_output as [channel][image][row][pitch], zero behind its columns, and input
/// as [channel][image][row phase][column phase][row][pitch], zero where the padding is.
struct PixelPanels {
    std::int64_t pitch;
    std::int64_t output_image, output_plane;
    std::int64_t input_rows;  ///< per row phase
    std::int64_t input_phase, input_image, input_plane;
};
PixelPanels pixel_panels(const Conv2dProblem& problem, std::int64_t images, std::int64_t rows, std::int64_t columns);

/// The weight gradient with patches as lanes is that of a 1x1 convolution over the output's pixels, with
/// in_channels * taps input channels in the order of the weight's layout.
Conv2dProblem patch_problem(const Conv2dProblem& problem);

/// The weight gradient by kernel rows is that of a kernel of one column over an input as wide as the output, with
/// kernel_width * in_channels input channels.
Conv2dProblem kernel_row_problem(const Conv2dProblem& problem);

/// Input columns, padding included, that neighbouring output columns meet.
std::int64_t kernel_row_columns(const Conv2dProblem& problem, std::int64_t out_columns);

/// Whether rows of the input of a strided 1x1 convolution are joined for so many lanes. Each row of `columns` pixels is
/// a run of its own where it lies, which all lane tiles begin anew: some 25 cycles for 14 channels beside 32 lanes,
/// where a copy costs about half a cycle per pixel and channel.
inline bool worth_joining(std::int64_t lanes, std::int64_t columns) { return lanes > 9 * columns; }

/// How grad_weight is cut into blocks and those into register tiles. Changes no bit.
struct WeightCut {
    std::int64_t lane_blocks, row_blocks;
    int vectors;    ///< of lanes per register tile at most; 0: those with the fewest slots
    double cycles;  ///< the model's estimate: of the worker with most to do
};

/// The cuts that the plan knows for a way, with register tiles of so many vectors. Where pixels are lanes there is one,
/// by rule, without an estimate.
std::vector<WeightCut> weight_cuts(const Conv2dProblem& problem, const WeightWay& way, const RegisterTiles& tiles,
                                   std::size_t element_bytes, const Strategy& strategy, int vectors = 0);

/// Plans the weight gradient in the given way, with the given cut.
Conv2dWeightPlan plan_weight(const Conv2dProblem& problem, const WeightWay& way, const WeightCut& cut,
                             const RegisterTiles& tiles, std::size_t element_bytes, const Strategy& strategy,
                             bool continued = false);

/// Plans the weight gradient for `threads` workers as the models say. Only block sizes depend on tiles and threads.
Conv2dWeightPlan plan_weight(const Conv2dProblem& problem, const RegisterTiles& tiles, std::size_t element_bytes,
                             const Strategy& strategy, bool continued = false);

/// Segment groups whatever the strategy: P = clamp(ceil(256 / tiles), 1, min(64, 8 MiB / weight bytes)) with nominal
/// tiles of 64 x 64 channels, and at least a segment each, or up to four where they are small. Joining costs a single
/// image 2 to 3% on one thread, which buys small layers even shares on many.
std::int64_t automatic_segment_groups(const Conv2dProblem& problem, std::size_t element_bytes, std::int64_t segments);

/// Segment groups of a strategy: one for an owner or a channel partition, the automatic ones otherwise, at least two
/// where partial sums or a partition of batch or pixels are asked for by name.
std::int64_t segment_groups(const Conv2dProblem& problem, std::size_t element_bytes, const Segments& segments,
                            const Strategy& strategy);

}  // namespace backgrad::plan
