#pragma once

#include "plan/conv2d_problem.hpp"
#include "plan/conv2d_weight_plan.hpp"
#include "plan/register_tiles.hpp"

#include <backgrad/strategy.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace backgrad::plan {

/// A block of grad_input: some rows and columns of an image, or of several whose pixels share register tiles. Columns
/// begin at multiples of the stride.
struct InputBlock {
    Range images, rows, columns;

    bool empty() const { return images.size() == 0 || rows.size() == 0 || columns.size() == 0; }
};

/// Where the pixels of a register tile lie to each other, if lanes are channels. Along the axis the padding's zeros are
/// terms of the taps that meet some of the pixels, and across it none is: where pixels lie in the same place of several
/// images, no zero is multiplied.
enum class TileAxis { beside, down, across_images };

/// The window of grad_output that a block of grad_input reads. Where register tiles have several pixels of an axis, it
/// may lie outside the tensor: the panel holds zeros there. Long rows have columns behind them that keep them apart.
struct OutputWindow {
    Range rows, columns;
};

/// The input gradient: images are cut into blocks, or joined to some, and blocks and channels into tasks. Each output
/// is one chain over output-channel block, kernel row, kernel column and channel, or if folded a sum of chains, one per
/// tap, so no cut changes a bit. Weights are packed first, unless they can be read where they lie or tasks pack what
/// they use.
struct Conv2dInputPlan {
    /// Output channels per block of the sum's order.
    static constexpr std::int64_t channel_block = 64;
    /// Output channels that a strip packs at once (pointwise): 24 KiB with 3 vectors of 64 bytes, half an L1 cache.
    static constexpr std::int64_t panel_channels = 128;
    /// Blocks that may meet a piece of the weights one after the other.
    static constexpr std::int64_t most_blocks_at_once = 16;

    LaneFamily family;
    bool pointwise;             ///< family pixels: strips of the pixels of NCHW images, whatever their rows
    bool strips_cross_images;   ///< pointwise: small images fill vectors together
    bool folded;                ///< family pixels: sums per kernel tap, then folded
    std::int64_t fold_rows;     ///< folded: rows of grad_output whose sums are there at once
    std::int64_t fold_channel;  ///< folded: elements between the sums of two taps
    bool sums_shared;           ///< folded: all bands of an image write to the same sums
    bool staged;                ///< pointwise: finished strips are moved to where their pixels lie
    bool streaming = false;     ///< whether grad_input goes past the caches where it can
    bool weights_in_place;      ///< they are read where they lie, and no phase packs them
    bool in_pieces;   ///< family channels: sums meet a piece of the weights at a time, a block of output channels
    bool tasks_pack;  ///< no phase packs the weights: tasks pack the piece that they use, or copy a tile's for rows
    LaneTiles channel_tiles;    ///< family channels: lanes are input channels
    TileAxis tile_axis;         ///< family channels
    std::int64_t block_images;  ///< of a block; 1 but for tiles across images
    std::int64_t row_channels;  ///< family pixels: input channels per register tile
    int pixel_vectors;          ///< family pixels: vectors of pixels per register tile
    bool vectors_are_rows;      ///< family pixels: they lie in neighbouring rows, else behind each other in one
    std::int64_t row_blocks, column_blocks, block_groups, channel_groups;
    std::int64_t blocks;          ///< of the batch
    std::int64_t blocks_at_once;  ///< in_pieces: they meet a piece of the weights while it is in the cache; else 1
    int strip_lanes;              ///< pointwise: pixels per vector
    std::int64_t tasks;           ///< block_groups * groups * channel_groups, in this order
    std::int64_t pack_groups;     ///< parts of the channel tiles when weights are packed
    std::int64_t pack_parts;      ///< of a channel block when weights are packed
    std::int64_t pack_tasks;      ///< groups * pack_groups * channel blocks * pack_parts
    /// Elements of a block's panel, and of the weights that a task packs at a time (tasks_pack): of a channel tile, and
    /// in pieces of a block of output channels.
    std::int64_t panel_elements, piece_elements;
    /// Elements of the packed weights (shared) and of one worker's scratch.
    std::int64_t packed_group_elements, packed_elements, staging_elements, worker_elements;
    /// Elements of the sums per tap of all images that bands share, and counters of what is there, a row of grad_input
    /// each.
    std::int64_t shared_sums, counters;

    /// What a task works on. The convolution groups of a block follow each other: where channels are last, they share
    /// its cache lines.
    struct Task {
        std::int64_t block_group, group, channel_group;
    };
    Task task(const Conv2dProblem& p, std::int64_t number) const {
        return {number / channel_groups / p.groups, number / channel_groups % p.groups, number % channel_groups};
    }
    /// The block that the same worker probably packs after this task's last: with static schedules that of the next
    /// task, or `blocks` if that is the same. Only a guess for fetching ahead.
    struct NextBlock {
        std::int64_t group, block;
    };
    NextBlock next_block(const Conv2dProblem& p, std::int64_t number) const {
        const Task next = task(p, number + 1);
        const bool packs = next.channel_group == 0 && next.block_group < block_groups;
        return {next.group, packs ? share(blocks, block_groups, next.block_group).begin : blocks};
    }
    /// The pixels that strips are cut from (pointwise), and how many strips: those of an image, or of all.
    std::int64_t row_pixels(const Conv2dProblem& p) const {
        return (strips_cross_images ? p.batch : 1) * p.pixels_out();
    }
    std::int64_t row_strips(const Conv2dProblem& p) const {
        return ceil_div(row_pixels(p), strip_lanes * pixel_vectors);
    }
    /// Strips of a batch (pointwise): whole vectors of pixels. They are the plan's blocks.
    std::int64_t strips(const Conv2dProblem& p) const { return (strips_cross_images ? 1 : p.batch) * row_strips(p); }
    /// Elements of the panel of one strip.
    std::int64_t strip_panel_elements(const Conv2dProblem& p) const {
        return std::min(p.out_channels, panel_channels) * pixel_vectors * strip_lanes;
    }
    /// Blocks of the first images of a batch: p's. The last images of a batch may be fewer than the plan is made for.
    std::int64_t blocks_of(const Conv2dProblem& p) const {
        return pointwise ? strips(p) : ceil_div(p.batch, block_images) * row_blocks * column_blocks;
    }
    /// Tiles of input channels, of either family.
    std::int64_t channel_tile_count(const Conv2dProblem& p) const;
    /// Input channels of one of them.
    Range tile_channels(const Conv2dProblem& p, std::int64_t tile) const {
        const std::int64_t size = family == LaneFamily::channels ? channel_tiles.width() : row_channels;
        return {tile * size, std::min(p.in_channels, (tile + 1) * size)};
    }
};

/// How grad_input becomes lanes. Only folding has an order of additions of its own.
enum class InputLanes {
    channels,              ///< input channels
    rows,                  ///< pixels of rows
    strips,                ///< pixels of images, whatever their rows
    strips_across_images,  ///< pixels of the batch
    folded,                ///< pixels of grad_output, for sums per kernel tap
};

struct InputWay {
    InputLanes lanes;
    double cycles;  ///< the model's estimate per pixel of grad_input: nominal, but between ways of the same bits
};

/// Every way that exists for a problem that is not depthwise. The plan takes the cheapest, of equal ones the first.
std::vector<InputWay> input_ways(const Conv2dProblem& problem, std::size_t element_bytes, const RegisterTiles& tiles);
InputWay input_way(const Conv2dProblem& problem, std::size_t element_bytes, const RegisterTiles& tiles);

/// How images, channels and register tiles are cut. Changes no bit.
struct InputCut {
    std::int64_t row_blocks = 1, column_blocks = 1, channel_groups = 1;
    int vectors = 0;    ///< per register tile at most; 0: those with the fewest slots
    double cycles = 0;  ///< the model's estimate: of the worker with most to do
    std::int64_t blocks_per_task = 1;
    std::int64_t blocks_at_once = 0;  ///< that meet each piece of the weights; 0: sums meet all weights at once
    bool tasks_pack = false;          ///< pieces are packed by the tasks, not by a phase
    std::int64_t block_images = 1;    ///< more have register tiles across images
};

/// The cuts that the plan knows for a way, with register tiles of so many vectors; 0: for strips of any number, and
/// else with those that have the fewest slots or, for a team, of one vector of channels. Folding plans have one, by
/// rule, without an estimate. `weights_shared`: one packing serves several runs of the tasks.
std::vector<InputCut> input_cuts(const Conv2dProblem& problem, const InputWay& way, const RegisterTiles& tiles,
                                 std::size_t element_bytes, const Strategy& strategy, int vectors = 0,
                                 bool weights_shared = false);
/// The model's choice of them.
InputCut choose_cut(const InputWay& way, const std::vector<InputCut>& cuts);

/// Plans the input gradient in the given way, with the given cut.
Conv2dInputPlan plan_input(const Conv2dProblem& problem, const InputWay& way, const InputCut& cut,
                           const RegisterTiles& tiles, std::size_t element_bytes, const Strategy& strategy);

/// Plans the input gradient for `threads` workers as the models say.
Conv2dInputPlan plan_input(const Conv2dProblem& problem, const RegisterTiles& tiles, std::size_t element_bytes,
                           const Strategy& strategy, bool weights_shared = false);

InputBlock input_block(const Conv2dProblem& problem, const Conv2dInputPlan& plan, std::int64_t block);
OutputWindow output_window(const Conv2dProblem& problem, const Conv2dInputPlan& plan, const InputBlock& block);

/// The pixels of grad_output of a strip, counted through the batch: at most as many as a register tile has lanes.
Range pixel_strip(const Conv2dProblem& problem, const Conv2dInputPlan& plan, std::int64_t strip);

/// What lies in one image of some pixels counted through a batch.
struct ImagePixels {
    std::int64_t image;
    Range pixels;
};
/// The first of them.
ImagePixels first_image(Range pixels, std::int64_t image_pixels);

/// True where the pixels of images lie behind each other and need no neighbours, so that strips can be cut from them.
inline bool has_strips(const Conv2dProblem& p) { return p.layout == Layout::nchw && meets_single_pixels(p); }

/// Cycles per pixel of grad_input of a pointwise convolution in strips, cut from each image or across them.
double strips_cost(const Conv2dProblem& problem, int lanes, bool across_images);

/// How many times as long strips take where the weights of output channels lie pages apart: they share a set of the L1
/// cache, so that every term of a register tile brings a line of them from beyond it. Else 1.
double strips_weight_reads(const Conv2dProblem& problem, const RegisterTiles& tiles, std::size_t element_bytes);

/// Cycles of a task: some strips and some tiles of input channels.
double pointwise_cycles(const Conv2dProblem& problem, const Conv2dInputPlan& plan, const Range& strips,
                        const Range& channel_tiles);

/// Begins a plan with strips of `lanes` pixels per vector.
void begin_strips(Conv2dInputPlan& plan, const Conv2dProblem& problem, int lanes, bool across_images);

/// The cuts of such a plan: the vectors of a strip, and the groups of channel tiles.
std::vector<InputCut> strip_cuts(const Conv2dInputPlan& plan, const Conv2dProblem& problem, const RegisterTiles& tiles,
                                 std::int64_t threads);

/// Input channels of a register tile of so many vectors of pixels or of fewer, as the last of a block or strip may
/// have: as many as all of these tiles take, cut evenly.
std::int64_t channels_beside(const Conv2dProblem& problem, const RegisterTiles& tiles, int vectors);

/// Sets the vectors of a strip and the input channels of a register tile.
void set_strip_tile(Conv2dInputPlan& plan, const Conv2dProblem& problem, const RegisterTiles& tiles, int vectors);

/// Cuts tasks and memory of a pointwise plan.
void plan_pointwise(Conv2dInputPlan& plan, const Conv2dProblem& problem, const RegisterTiles& tiles,
                    const InputCut& cut, const Strategy& strategy);

/// What of a range lies in [0, size).
inline Range clip(const Range& range, std::int64_t size) {
    const std::int64_t begin = std::clamp<std::int64_t>(range.begin, 0, size);
    return {begin, std::clamp(range.end, begin, size)};
}

/// floor(a / b) for b > 0 and any a.
inline std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -ceil_div(-a, b); }

}  // namespace backgrad::plan
