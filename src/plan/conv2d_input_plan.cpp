#include "plan/conv2d_input_plan.hpp"

#include "plan/candidates.hpp"
#include "plan/conv2d_fold_plan.hpp"
#include "plan/conv2d_input_blocks.hpp"
#include "plan/move_cycles.hpp"

#include <algorithm>
#include <limits>

namespace backgrad::plan {

namespace {

/// Cycles per pixel of grad_output and channel for the starts of its rows in a panel.
double row_start(const Conv2dProblem& p) {
    return p.layout == Layout::nchw ? row_cycles / static_cast<double>(std::max<std::int64_t>(1, p.out_width)) : 0;
}

/// What is added where an image is one row that no panel holds whole: every piece has its start.
double piece_start(const Conv2dProblem& p, std::size_t element_bytes) {
    if (p.layout == Layout::nhwc || p.in_height > 1) return 0;
    const double pixels = panel_bytes / static_cast<double>(element_bytes) / static_cast<double>(p.out_channels);
    return pixels < static_cast<double>(p.out_width) ? piece_row_cycles / pixels : 0;
}

/// Cycles per pixel of grad_input with lanes = input channels.
double channel_cost(const Conv2dProblem& p, int lanes, std::size_t element_bytes) {
    const double padded = static_cast<double>(round_up(p.in_channels, lanes)), vectors = padded / lanes;
    // 1.04: calls and partial tiles.
    const double loads = std::max(1.04, 1.0 / 14 + 1.0 / std::min(vectors, 4.0));
    // Pixels that no window meets take zeros, which are written apart.
    const double area = static_cast<double>(p.stride_height * p.stride_width);
    const double unmet = std::max(0.0, 1 - static_cast<double>(p.taps()) / area) * static_cast<double>(p.in_channels);
    const double terms = terms_over(p, tile_axis_of_image(p), TileAxis::beside);
    return vectors * products_per_pixel(p) * terms / 2 * loads + unmet +
           (p.layout == Layout::nchw ? transpose_cycles * padded : 0.0) +
           (copy_cycles + row_start(p) + piece_start(p, element_bytes)) * static_cast<double>(p.out_channels) / area;
}

/// Cycles per pixel of grad_input with lanes = pixels of a row (of one column phase). Not for what is cut in strips.
double pixel_cost(const Conv2dProblem& p, int lanes, std::size_t element_bytes, double crossing) {
    const std::int64_t width = ceil_div(p.in_width, p.stride_width);
    const double fill = static_cast<double>(width) / static_cast<double>(round_up(width, lanes));
    const double rows = static_cast<double>(std::min<std::int64_t>(p.in_channels, 6));
    // With r channels a vector of grad_output is loaded for r FMAs; the loads cross cache lines. Over a single long row
    // the vectors of a term lie far apart for every term, and the second cache delivers them slower: 1.3 measured.
    // Each phase of a stride meets all of grad_output anew: its taps share what comes from the second cache, at about 3
    // cycles per vector.
    const double phase_taps = static_cast<double>(p.taps()) / static_cast<double>(p.stride_height * p.stride_width);
    const double phase_loads = p.strided() ? 6.4 / (rows * std::max(1.0, phase_taps)) : 0;
    const double loads = std::max({p.in_height == 1 ? 1.3 : crossing, 0.62 + 1.5 / rows, phase_loads});
    const double move = p.layout == Layout::nchw ? copy_cycles : transpose_cycles;
    const double scatter = p.layout == Layout::nhwc ? 1.0 : p.stride_width == 1 ? 0.0 : 3.0;
    return static_cast<double>(p.in_channels) * products_per_pixel(p) / lanes / 2 / fill * loads +
           (move + row_start(p) + piece_start(p, element_bytes)) * static_cast<double>(p.out_channels) /
               static_cast<double>(p.stride_height * p.stride_width) +
           scatter * static_cast<double>(p.in_channels);
}

/// Tiles of rows copy their weights as they lie, where taps are neighbours: each tap reads all cache lines of them
/// anew. Where channels have a line each, or more, these must be in the L1 cache, else a phase packs the weights tap by
/// tap; shorter kernels take from the second cache what it can deliver.
void choose_weight_order(Conv2dInputPlan& plan, const Conv2dProblem& p, std::size_t element_bytes) {
    constexpr std::size_t near_bytes = 40 * 1024, line_bytes = 64;
    const std::size_t channel = static_cast<std::size_t>(p.taps()) * element_bytes;
    const std::size_t all = static_cast<std::size_t>(plan.row_channels * p.out_channels) * channel;
    plan.tasks_pack = plan.tasks_pack && (channel < line_bytes || all <= near_bytes);
}

/// Sets register tiles of so many vectors; where there are 0, of as many as take the fewest slots.
void choose_tiles(Conv2dInputPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles, std::size_t element_bytes,
                  int vectors) {
    const std::int64_t width = std::max<std::int64_t>(1, ceil_div(p.in_width, p.stride_width));
    plan.channel_tiles = choose_lane_tiles(p.in_channels, pixels_of_channel_tiles(p, plan), tiles);
    if (plan.family == LaneFamily::channels && vectors > 0)
        plan.channel_tiles.vectors =
            static_cast<int>(std::min<std::int64_t>(vectors, plan.channel_tiles.padded() / tiles.lanes));
    if (plan.family == LaneFamily::channels) return;
    plan.vectors_are_rows = p.in_height > 1;
    const std::int64_t lines =
        plan.vectors_are_rows ? ceil_div(p.in_height, p.stride_height) : ceil_div(width, tiles.lanes);
    if (vectors > 0) {
        plan.pixel_vectors = static_cast<int>(std::min<std::int64_t>(vectors, lines));
        plan.row_channels = channels_beside(p, tiles, plan.pixel_vectors);
        return;
    }
    double best = std::numeric_limits<double>::infinity();
    for (int v = 1; v <= std::min<std::int64_t>(8, lines); ++v) {
        const std::int64_t rows = channels_beside(p, tiles, v);
        const double cost = pixel_tile_slots(p.in_channels, rows, lines, v, tiles, element_bytes);
        if (cost < best * worthwhile_cut) {
            best = cost;
            plan.pixel_vectors = v;
            plan.row_channels = rows;
        }
    }
}

/// Whether the weights' lanes can be read where they lie: whole vectors that no padding meets. A copy costs as much as
/// some ten pixels, and rows of a few lines each are read 5% faster from it: it is made where many pixels meet the
/// weights. Output channels that lie a multiple of half a page apart share a few sets of the L1 cache, and are copied
/// for fewer; a copy costs a team a launch besides, and each of its threads meets only some of the pixels.
bool lanes_lie_in_place(const Conv2dProblem& p, const Conv2dInputPlan& plan, const RegisterTiles& tiles,
                        std::size_t element_bytes, const Strategy& strategy) {
    constexpr std::int64_t half_page = 2048;
    const std::int64_t threads = std::max(1, strategy.threads);
    const bool share_sets = p.in_channels * static_cast<std::int64_t>(element_bytes) % half_page == 0;
    const std::int64_t few_pixels = share_sets ? 48 + 4 * threads : 256 * threads;
    return p.batch * p.pixels_out() <= few_pixels && plan.family == LaneFamily::channels && meets_single_pixels(p) &&
           p.in_channels % tiles.lanes == 0;
}

/// The phase that packs the weights, if there is one.
void plan_packing(Conv2dInputPlan& plan, const Conv2dProblem& p, const Strategy& strategy) {
    if (plan.weights_in_place || plan.tasks_pack) return;
    const std::int64_t lanes = plan.family == LaneFamily::channels ? plan.channel_tiles.padded() : p.in_channels;
    plan.packed_group_elements = round_up(lanes * p.out_channels * p.taps(), 16);
    plan.packed_elements = plan.packed_group_elements * p.groups;
    // Weights are read in pieces of 1 KiB or more where there are so many in a row.
    constexpr std::int64_t piece = 256;
    plan.pack_groups = std::clamp<std::int64_t>(p.in_channels * p.taps() / piece, 1,
                                                std::max<std::int64_t>(1, plan.channel_tile_count(p)));
    const std::int64_t pieces = p.groups * plan.pack_groups * ceil_div(p.out_channels, Conv2dInputPlan::channel_block);
    constexpr std::int64_t most_parts = 16;
    plan.pack_parts = std::clamp<std::int64_t>(ceil_div(strategy.threads, std::max<std::int64_t>(1, pieces)), 1,
                                               std::min(most_parts, std::max<std::int64_t>(1, p.out_channels)));
    plan.pack_tasks = pieces * plan.pack_parts;
}

}  // namespace

std::int64_t Conv2dInputPlan::channel_tile_count(const Conv2dProblem& p) const {
    return family == LaneFamily::channels ? channel_tiles.count()
                                          : ceil_div(p.in_channels, std::max<std::int64_t>(1, row_channels));
}

std::int64_t channels_beside(const Conv2dProblem& p, const RegisterTiles& tiles, int vectors) {
    const int limit = *std::min_element(tiles.rows_limit + 1, tiles.rows_limit + vectors + 1);
    return ceil_div(p.in_channels, ceil_div(p.in_channels, limit));
}

InputBlock input_block(const Conv2dProblem& p, const Conv2dInputPlan& plan, std::int64_t block) {
    const std::int64_t column = block % plan.column_blocks, row = block / plan.column_blocks % plan.row_blocks;
    const Range units = share(ceil_div(p.in_width, p.stride_width), plan.column_blocks, column);
    const std::int64_t image = block / plan.column_blocks / plan.row_blocks * plan.block_images;
    return {{std::min(p.batch, image), std::min(p.batch, image + plan.block_images)},
            share(p.in_height, plan.row_blocks, row),
            {units.begin * p.stride_width, std::min(p.in_width, units.end * p.stride_width)}};
}

OutputWindow output_window(const Conv2dProblem& p, const Conv2dInputPlan& plan, const InputBlock& block) {
    const std::int64_t reach_y = (p.kernel_height - 1) * p.dilation_height;
    const std::int64_t reach_x = (p.kernel_width - 1) * p.dilation_width;
    const std::int64_t top = floor_div(block.rows.begin + p.padding_top - reach_y, p.stride_height);
    const std::int64_t bottom = floor_div(block.rows.end - 1 + p.padding_top, p.stride_height) + 1;
    const std::int64_t left = floor_div(block.columns.begin + p.padding_left - reach_x, p.stride_width);
    const std::int64_t right = floor_div(block.columns.end - 1 + p.padding_left, p.stride_width) + 1;
    if (plan.family == LaneFamily::pixels) return {{top, bottom}, {left, left + panel_pitch(right - left)}};
    const Range rows = clip({top, bottom}, p.out_height), columns = clip({left, right}, p.out_width);
    return {plan.tile_axis == TileAxis::down ? Range{top, bottom} : rows,
            plan.tile_axis == TileAxis::beside ? Range{left, right} : columns};
}

namespace {

/// What is the same for all cuts.
Conv2dInputPlan uncut_plan(const Conv2dProblem& p, const InputWay& way, int lanes) {
    Conv2dInputPlan plan{};
    const bool across_images = way.lanes == InputLanes::strips_across_images;
    plan.folded = way.lanes == InputLanes::folded;
    plan.family = way.lanes == InputLanes::channels ? LaneFamily::channels : LaneFamily::pixels;
    plan.pointwise = across_images || way.lanes == InputLanes::strips;
    // Where channels come last, their few in a tile lie too far apart.
    plan.tasks_pack = way.lanes == InputLanes::rows && !p.weight_ohwi;
    plan.tile_axis = plan.family == LaneFamily::channels ? tile_axis_of_image(p) : TileAxis::beside;
    plan.block_images = 1;
    plan.row_channels = 1;
    plan.pixel_vectors = 1;
    plan.row_blocks = plan.column_blocks = plan.channel_groups = plan.blocks_at_once = 1;
    plan.weights_in_place = plan.pointwise || plan.folded;
    if (plan.pointwise) begin_strips(plan, p, lanes, across_images);
    return plan;
}

/// Makes register tiles of channels have the pixels of so many images.
void go_across(Conv2dInputPlan& plan, std::int64_t images) {
    plan.tile_axis = TileAxis::across_images;
    plan.block_images = images;
}

/// Strips are weighed by the ISA's own lanes, and the better ones stand for their kind among the other ways. None of
/// those has bits of its own, because what can be folded has several taps: so what weights cost may depend on the ISA.
void add_strips(const Conv2dProblem& p, int nominal, std::size_t element_bytes, const RegisterTiles& tiles,
                std::vector<InputWay>& ways) {
    const int lanes = tiles.lanes;
    const double kind = strips_weight_reads(p, tiles, element_bytes) *
                        std::min(strips_cost(p, nominal, false), strips_cost(p, nominal, true));
    const double inside = strips_cost(p, lanes, false), across = strips_cost(p, lanes, true);
    const double better = std::min(inside, across);
    ways.push_back({InputLanes::strips, inside > better ? kind * inside / better : kind});
    ways.push_back({InputLanes::strips_across_images, across > better ? kind * across / better : kind});
}

/// Adds rows of pixels behind channels. Vectors as long as a cache line cross one with nearly every load: beside
/// channels rows take 1.04 to 1.18 of what they are estimated without it (32 to 128 channels, 16 to 224 pixels wide,
/// AVX-512), and vectors half as long, whose tiles have fewer FMAs for a load, 1.06 to 1.19 on Zen 5 (on Sapphire
/// Rapids 1.02 to 1.04). That decides between rows and channels, whose bits are the same; beside folding both stand for
/// the better of them without it, whatever the ISA.
void add_rows(const Conv2dProblem& p, int nominal, std::size_t element_bytes, bool long_vectors,
              std::vector<InputWay>& ways) {
    const double crossing = long_vectors ? 1.07 : 1.1;
    const double channels = ways.front().cycles, rows = pixel_cost(p, nominal, element_bytes, crossing);
    const double kind = std::min(channels, pixel_cost(p, nominal, element_bytes, 1.0)),
                 better = std::min(channels, rows);
    ways.front().cycles = channels > better ? kind * channels / better : kind;
    ways.push_back({InputLanes::rows, rows > better ? kind * rows / better : kind});
}

}  // namespace

std::vector<InputWay> input_ways(const Conv2dProblem& p, std::size_t element_bytes, const RegisterTiles& tiles) {
    const int nominal = static_cast<int>(64 / element_bytes);
    std::vector<InputWay> ways{{InputLanes::channels, channel_cost(p, nominal, element_bytes)}};
    if (has_strips(p)) add_strips(p, nominal, element_bytes, tiles, ways);
    else add_rows(p, nominal, element_bytes, fill_cache_lines(tiles, element_bytes), ways);
    if (can_fold(p)) ways.push_back({InputLanes::folded, fold_cost(p, nominal)});
    return ways;
}

InputWay input_way(const Conv2dProblem& p, std::size_t element_bytes, const RegisterTiles& tiles) {
    return cheapest(input_ways(p, element_bytes, tiles), 1.0);
}

std::vector<InputCut> input_cuts(const Conv2dProblem& p, const InputWay& way, const RegisterTiles& tiles,
                                 std::size_t element_bytes, const Strategy& strategy, int vectors,
                                 bool weights_shared) {
    Conv2dInputPlan plan = uncut_plan(p, way, tiles.lanes);
    if (plan.folded) return {InputCut{}};
    if (plan.pointwise) return strip_cuts(plan, p, tiles, std::max(1, strategy.threads));
    choose_tiles(plan, p, tiles, element_bytes, vectors);
    choose_weight_order(plan, p, element_bytes);
    plan.weights_in_place = lanes_lie_in_place(p, plan, tiles, element_bytes, strategy);
    std::vector<InputCut> cuts = block_cuts(plan, p, tiles, element_bytes, strategy, vectors, weights_shared);
    for (const std::int64_t images : images_across(plan, p, strategy)) {
        Conv2dInputPlan across = plan;
        go_across(across, images);
        choose_tiles(across, p, tiles, element_bytes, vectors);
        for (const InputCut& cut : block_cuts(across, p, tiles, element_bytes, strategy, vectors, weights_shared))
            cuts.push_back(cut);
    }
    if (vectors > 0 || strategy.threads <= 1 || plan.channel_tiles.vectors == 1) return cuts;
    if (plan.family == LaneFamily::pixels) return cuts;
    // Tiles of one vector share few channels evenly among many threads.
    choose_tiles(plan, p, tiles, element_bytes, 1);
    for (const InputCut& cut : block_cuts(plan, p, tiles, element_bytes, strategy, 1, weights_shared))
        cuts.push_back(cut);
    return cuts;
}

InputCut choose_cut(const InputWay& way, const std::vector<InputCut>& cuts) {
    const bool strips = way.lanes == InputLanes::strips || way.lanes == InputLanes::strips_across_images;
    return cheapest(cuts, strips ? worthwhile_strip_cut : worthwhile_cut);
}

Conv2dInputPlan plan_input(const Conv2dProblem& p, const RegisterTiles& tiles, std::size_t element_bytes,
                           const Strategy& strategy, bool weights_shared) {
    const InputWay way = input_way(p, element_bytes, tiles);
    const InputCut cut = choose_cut(way, input_cuts(p, way, tiles, element_bytes, strategy, 0, weights_shared));
    return plan_input(p, way, cut, tiles, element_bytes, strategy);
}

Conv2dInputPlan plan_input(const Conv2dProblem& p, const InputWay& way, const InputCut& cut, const RegisterTiles& tiles,
                           std::size_t element_bytes, const Strategy& strategy) {
    Conv2dInputPlan plan = uncut_plan(p, way, tiles.lanes);
    if (plan.folded) {
        plan_fold(plan, p, tiles, element_bytes, strategy);
    } else if (plan.pointwise) {
        plan_pointwise(plan, p, tiles, cut, strategy);
    } else {
        if (cut.block_images > 1) go_across(plan, cut.block_images);
        choose_tiles(plan, p, tiles, element_bytes, cut.vectors);
        choose_weight_order(plan, p, element_bytes);
        plan.weights_in_place = lanes_lie_in_place(p, plan, tiles, element_bytes, strategy);
        plan_blocks(plan, p, cut, tiles, element_bytes, strategy);
    }
    plan_packing(plan, p, strategy);
    return plan;
}

}  // namespace backgrad::plan
