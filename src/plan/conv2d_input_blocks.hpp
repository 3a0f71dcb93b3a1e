#pragma once

#include "plan/conv2d_input_plan.hpp"

namespace backgrad::plan {

/// Goal for the grad_output panel: a quarter to a half of the L2 cache. Nominal, because it takes part in the choice of
/// folding, which decides bits.
constexpr double panel_bytes = 256 * 1024;

/// Columns of a panel whose rows have at least `columns`: long rows a multiple of 256 elements apart, or nearly so,
/// share a few sets of the L1 cache, where a register tile meets tens of them.
constexpr std::int64_t long_panel_row = 240, most_columns_added = 32;
inline std::int64_t panel_pitch(std::int64_t columns) {
    const std::int64_t beyond = (columns + most_columns_added / 2) % 256;
    return columns >= long_panel_row && beyond < most_columns_added ? columns + most_columns_added - beyond : columns;
}
/// The largest of the pitches for `columns` or fewer.
inline std::int64_t most_panel_pitch(std::int64_t columns) {
    return columns < long_panel_row ? columns : columns + most_columns_added;
}

/// Whether a panel has pixels of channels, as NHWC has, and how far apart they are: a register tile meets about twelve.
/// Those of several images lie too far apart to bring a cache line for every term.
inline bool panel_has_pixels(const Conv2dProblem& p, const Conv2dInputPlan& plan) {
    if (plan.family == LaneFamily::pixels) return false;
    return p.layout == Layout::nhwc || plan.tile_axis == TileAxis::across_images;
}
inline std::int64_t panel_pixel(const Conv2dProblem& p) { return panel_pitch(p.out_channels); }

/// Products per element of grad_input.
inline double products_per_pixel(const Conv2dProblem& p) {
    return static_cast<double>(p.out_channels * p.taps()) / static_cast<double>(p.stride_height * p.stride_width);
}

/// Cycles that a task takes to pack the weights of some channel tiles, piece by piece, and to sum piece by piece.
double own_weights_cycles(const Conv2dProblem& problem, const Conv2dInputPlan& plan, std::int64_t channel_tiles);

/// Cuts of images and channels: panels should stay in the cache, and workers be equally busy. The plan has its family
/// and its register tiles, of `vectors` vectors or with the fewest slots (0). `weights_shared`: one packing serves
/// several runs of the tasks.
std::vector<InputCut> block_cuts(const Conv2dInputPlan& plan, const Conv2dProblem& problem, const RegisterTiles& tiles,
                                 std::size_t element_bytes, const Strategy& strategy, int vectors, bool weights_shared);

/// Cuts tasks and sizes the workers' memory.
void plan_blocks(Conv2dInputPlan& plan, const Conv2dProblem& problem, const InputCut& cut, const RegisterTiles& tiles,
                 std::size_t element_bytes, const Strategy& strategy);

/// Terms of one channel's pixels where those of a register tile lie along an axis, over those along another; 1 where
/// there are none.
double terms_over(const Conv2dProblem& problem, TileAxis axis, TileAxis other);

/// The axis of an image along which the pixels of a tile of channels lie: down where that saves terms.
TileAxis tile_axis_of_image(const Conv2dProblem& problem);

/// How many images register tiles across images may have: none where that saves few terms.
std::vector<std::int64_t> images_across(const Conv2dInputPlan& plan, const Conv2dProblem& problem,
                                        const Strategy& strategy);

/// Pixels of one phase along the axis of a tile of channels, nominally.
inline std::int64_t pixels_of_channel_tiles(const Conv2dProblem& p, const Conv2dInputPlan& plan) {
    constexpr std::int64_t most = 112;
    const std::int64_t pixels = plan.tile_axis == TileAxis::across_images ? plan.block_images
                                : plan.tile_axis == TileAxis::down        ? ceil_div(p.in_height, p.stride_height)
                                                                          : ceil_div(p.in_width, p.stride_width);
    return std::clamp<std::int64_t>(pixels, 1, most);
}

}  // namespace backgrad::plan
