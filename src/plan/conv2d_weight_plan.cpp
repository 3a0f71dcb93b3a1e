#include "plan/conv2d_weight_plan.hpp"

#include "plan/candidates.hpp"
#include "plan/move_cycles.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace backgrad::plan {

namespace {

constexpr std::int64_t block_bytes = 1024 * 1024;  ///< goal for partial sums and panels of a block

/// Most input positions that `outputs` outputs read along one axis.
std::int64_t input_extent(std::int64_t outputs, std::int64_t stride, std::int64_t kernel, std::int64_t dilation,
                          std::int64_t size) {
    if (kernel == 1) return outputs;
    return std::min(size, (outputs - 1) * stride + (kernel - 1) * dilation + 1);
}

/// Elements of panels for one segment.
std::int64_t panel_elements(const Conv2dProblem& p, const Conv2dWeightPlan& plan) {
    const std::int64_t out_pixels = plan.segments.largest();
    const std::int64_t out_rows = ceil_div(plan.segments.height, plan.segments.row_parts);
    const std::int64_t out_columns = ceil_div(plan.segments.width, plan.segments.column_parts);
    const std::int64_t in_pixels =
        plan.segments.images *
        input_extent(out_rows, p.stride_height, p.kernel_height, p.dilation_height, p.in_height) *
        input_extent(out_columns, p.stride_width, p.kernel_width, p.dilation_width, p.in_width);
    const bool from_output = plan.side == LaneSide::grad_output;
    return plan.lane_panel_elements(from_output ? out_pixels : in_pixels) +
           plan.row_panel_elements(from_output ? in_pixels : out_pixels);
}

/// Of the panel of family kernel_rows for the input of the largest segment.
std::int64_t kernel_row_elements(const Conv2dProblem& p, const Segments& segments) {
    const std::int64_t rows = input_extent(ceil_div(segments.height, segments.row_parts), p.stride_height,
                                           p.kernel_height, p.dilation_height, p.in_height);
    const std::int64_t columns = kernel_row_columns(p, ceil_div(segments.width, segments.column_parts));
    return segments.images * rows * columns * p.in_channels;
}

/// Segments that a group holds at least: up to 4 where a segment is less than 512 Ki multiply-adds, some microseconds,
/// which beginning and joining a group of its own would slow down.
std::int64_t least_segments(const Conv2dProblem& p, std::int64_t segments) {
    constexpr double worth_a_group = 512 * 1024;
    const double products = static_cast<double>(p.batch * p.pixels_out()) *
                            static_cast<double>(p.out_channels * p.in_channels * p.taps()) /
                            static_cast<double>(std::max<std::int64_t>(1, segments));
    return products > worth_a_group / 4 ? static_cast<std::int64_t>(std::ceil(worth_a_group / products)) : 4;
}

}  // namespace

Range Conv2dWeightPlan::lane_block(std::int64_t block) const {
    const std::int64_t lanes = block_tiles.lanes;
    const Range vectors = share(ceil_div(lane_channels, lanes), lane_blocks, block);
    return {vectors.begin * lanes, std::min(lane_channels, vectors.end * lanes)};
}

std::int64_t automatic_segment_groups(const Conv2dProblem& p, std::size_t element_bytes, std::int64_t segments) {
    const std::int64_t tiles = p.groups * ceil_div(p.out_channels, 64) * ceil_div(p.in_channels, 64);
    const std::int64_t bytes =
        std::max<std::int64_t>(1, p.weight_elements() * static_cast<std::int64_t>(element_bytes));
    const std::int64_t most = std::min<std::int64_t>(64, 8 * 1024 * 1024 / bytes);
    const std::int64_t wanted =
        std::min(ceil_div(256, std::max<std::int64_t>(1, tiles)), segments / least_segments(p, segments));
    return std::max<std::int64_t>(1, std::min(wanted, most));
}

std::int64_t segment_groups(const Conv2dProblem& p, std::size_t element_bytes, const Segments& segments,
                            const Strategy& strategy) {
    const std::int64_t automatic = automatic_segment_groups(p, element_bytes, segments.count);
    if (strategy.reduction == Reduction::owner || strategy.partition == Partition::channel) return 1;
    if (strategy.reduction == Reduction::partials || strategy.partition == Partition::batch ||
        strategy.partition == Partition::spatial)
        return std::clamp<std::int64_t>(automatic, std::min<std::int64_t>(2, segments.count),
                                        std::max<std::int64_t>(1, segments.count));
    return automatic;
}

namespace {

void cut_blocks(Conv2dWeightPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles, const WeightCut& cut) {
    plan.lane_blocks = cut.lane_blocks;
    plan.row_blocks = cut.row_blocks;
    plan.rows_per_block = ceil_div(plan.row_channels, cut.row_blocks);
    const std::int64_t vectors = ceil_div(ceil_div(plan.lane_channels, tiles.lanes), cut.lane_blocks);
    plan.block_tiles =
        choose_lane_tiles(std::min(plan.lane_channels, vectors * tiles.lanes), plan.rows_per_block, tiles);
    if (cut.vectors > 0) plan.block_tiles.vectors = static_cast<int>(std::min<std::int64_t>(cut.vectors, vectors));
    plan.tasks = p.groups * plan.segment_groups * cut.lane_blocks * cut.row_blocks;
    plan.block_elements = plan.block_tiles.padded() * plan.rows_per_block * p.taps();
}

/// Cycles per output pixel to find the channels of a block in each pixel of an operand, where they are not all and come
/// last: a cache line from afar. (Measured: of 96 channels of 32 rows per pixel, 6 at a time took 1.6 times as long
/// as 32.)
double piece_cycles_per_pixel(const Conv2dWeightPlan& plan, const Conv2dProblem& p, LaneSide operand,
                              std::int64_t blocks) {
    constexpr double pixel_piece_cycles = 30;
    if (p.layout != Layout::nhwc || blocks == 1) return 0;
    if (operand == LaneSide::input && plan.brings_all_inputs()) return 0;
    return pixel_piece_cycles * (operand == LaneSide::input ? input_pixels(p) : 1);
}

/// Makespan of the tasks in cycles per segment, and a penalty where a block outgrows the cache.
double block_cost(const Conv2dWeightPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles,
                  std::size_t element_bytes, std::int64_t threads) {
    const double pixels = static_cast<double>(plan.segments.largest());
    const double compute = tile_slots(plan.block_tiles.size, plan.rows_per_block, plan.block_tiles.vectors, tiles) / 2 *
                           static_cast<double>(p.taps()) * pixels;
    const double lane_move = p.layout == Layout::nchw ? transpose_cycles : copy_cycles;
    const bool joined = p.layout == Layout::nchw && p.kernel_width == 1 && p.stride_width > 1 &&
                        plan.side == LaneSide::grad_output && worth_joining(plan.block_tiles.padded(), p.out_width);
    const double row_move = joined ? strided_copy_cycles : copy_cycles;
    const double per_pixel =
        lane_move * plan.elements_per_pixel(plan.side, static_cast<double>(plan.block_tiles.padded())) +
        row_move * plan.elements_per_pixel(plan.row_side(), static_cast<double>(plan.rows_per_block)) +
        piece_cycles_per_pixel(plan, p, plan.side, plan.lane_blocks) +
        piece_cycles_per_pixel(plan, p, plan.row_side(), plan.row_blocks);
    const double bytes =
        static_cast<double>((plan.block_elements + panel_elements(p, plan)) * static_cast<std::int64_t>(element_bytes));
    const double update = static_cast<double>(plan.block_elements) / tiles.lanes * 2;
    const double spill = bytes > block_bytes ? 1.0 + 0.1 * (bytes / block_bytes - 1.0) : 1.0;
    // Tasks stand group by group, or block by block where that is more even.
    const std::int64_t longest_group = ceil_div(plan.segments.count, plan.segment_groups);
    const std::int64_t blocks = plan.tasks / plan.segment_groups;
    const std::int64_t segments =
        std::min(longest_group * ceil_div(plan.tasks, threads), plan.segments.count * ceil_div(blocks, threads));
    return (compute + per_pixel * pixels + update) * spill * static_cast<double>(segments);
}

/// Cuts and their makespans; more blocks balance better and pack more often.
std::vector<WeightCut> block_cuts(Conv2dWeightPlan plan, const Conv2dProblem& p, const RegisterTiles& tiles,
                                  std::size_t element_bytes, const Strategy& strategy, int tile_vectors) {
    const std::int64_t vectors = std::max<std::int64_t>(1, ceil_div(plan.lane_channels, tiles.lanes));
    const std::int64_t row_limit = std::max<std::int64_t>(1, ceil_div(plan.row_channels, 4));
    const bool uncut = strategy.partition == Partition::batch || strategy.partition == Partition::spatial;
    const std::int64_t threads = std::max(1, strategy.threads);
    const auto for_each_cut = [&](auto visit) {
        for (std::int64_t l = 1; l <= vectors; l = l < 8 ? l + 1 : l * 2)
            for (std::int64_t r = 1; r <= row_limit; r = r < 8 ? r + 1 : r * 2) {
                cut_blocks(plan, p, tiles, {l, r, tile_vectors, 0});
                visit(l, r, (plan.block_elements + panel_elements(p, plan)) * static_cast<std::int64_t>(element_bytes));
            }
    };
    // Where the panels alone outgrow it, blocks may add a part of that: small ones would bring panels too often.
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for_each_cut([&](std::int64_t, std::int64_t, std::int64_t bytes) { least = std::min(least, bytes); });
    constexpr std::int64_t wanted = 3 * 1024 * 1024;
    const std::int64_t most_bytes = std::max(wanted, least + least / 4);
    std::vector<WeightCut> cuts;
    for_each_cut([&](std::int64_t l, std::int64_t r, std::int64_t bytes) {
        // A batch or spatial partition cuts channels only where a block would outgrow its memory.
        const double pieces = uncut ? 1e12 * static_cast<double>(l * r) : 0;
        if (bytes <= most_bytes)
            cuts.push_back({l, r, tile_vectors, block_cost(plan, p, tiles, element_bytes, threads) + pieces});
    });
    return cuts;
}

/// Family pixels: only the output channels are cut.
WeightCut pixel_cut(const Conv2dWeightPlan& plan, const Conv2dProblem& p, const Strategy& strategy) {
    const std::int64_t threads = std::max(1, strategy.threads), shares = p.groups * plan.segment_groups;
    const bool uncut = strategy.partition == Partition::batch || strategy.partition == Partition::spatial;
    const std::int64_t balanced = uncut ? 1 : ceil_div(4 * threads, shares);
    if (shares % threads == 0 && p.out_channels <= 64) return {1, 1, 1, 0};
    return {1,
            std::clamp<std::int64_t>(std::max(balanced, ceil_div(p.out_channels, 64)), 1,
                                     std::max<std::int64_t>(1, ceil_div(p.out_channels, 4))),
            1, 0};
}

void cut_pixel_blocks(Conv2dWeightPlan& plan, const Conv2dProblem& p, std::size_t element_bytes, const WeightCut& cut) {
    const std::int64_t chains = static_cast<std::int64_t>(64 / element_bytes);
    plan.passes = weight_passes(p, plan.family, plan.segments);
    plan.lane_blocks = 1;
    plan.row_blocks = cut.row_blocks;
    plan.rows_per_block = ceil_div(p.out_channels, plan.row_blocks);
    plan.block_tiles = {p.in_channels, 1, static_cast<int>(chains)};
    plan.tasks = p.groups * plan.segment_groups * plan.row_blocks;
    plan.block_elements = plan.rows_per_block * p.in_channels * p.taps();
}

/// Panels, runs and chains of one task.
std::int64_t scratch_elements(const Conv2dWeightPlan& plan, const Conv2dProblem& p, std::size_t element_bytes) {
    if (plan.segments.count == 0) return 0;
    const std::int64_t chains = static_cast<std::int64_t>(64 / element_bytes);
    const std::int64_t bias = round_up(plan.block_bias * chains, 16);
    if (plan.family != LaneFamily::pixels)
        return bias + round_up(panel_elements(p, plan), 16) + 32 +
               Conv2dWeightPlan::run_elements(p.taps() * plan.segment_lines(), element_bytes) +
               Conv2dWeightPlan::count_elements(p.taps(), element_bytes);
    const PixelPanels sizes = pixel_panels(p, plan.passes.images, plan.passes.rows, plan.passes.columns);
    // The last row of the last phase is read up to the kernel's reach behind it.
    const std::int64_t output_panel =
        plan.reads_grad_output_in_place() ? 0 : round_up(plan.rows_per_block * sizes.output_plane, 16);
    return bias + output_panel + round_up(p.in_channels * sizes.input_plane + sizes.pitch + chains, 16) +
           round_up(sizes.pitch + chains, 16) + plan.block_elements * chains +
           Conv2dWeightPlan::count_elements(p.in_channels * p.taps(), element_bytes);
}

/// The input of a segment and where each lane of a patch lies in it.
std::int64_t patch_elements(const Conv2dWeightPlan& plan, const Conv2dProblem& p, std::size_t element_bytes) {
    if (plan.segments.count == 0) return 0;
    const Segments& s = plan.segments;
    const PixelPanels sizes =
        pixel_panels(p, s.images, ceil_div(s.height, s.row_parts), ceil_div(s.width, s.column_parts));
    return round_up(p.in_channels * sizes.input_plane + sizes.pitch + 16, 16) +
           Conv2dWeightPlan::count_elements(plan.block_tiles.padded(), element_bytes);
}

}  // namespace

PixelPanels pixel_panels(const Conv2dProblem& p, std::int64_t images, std::int64_t rows, std::int64_t columns) {
    PixelPanels panels{};
    panels.pitch = columns + (p.kernel_width - 1) * p.dilation_width / p.stride_width;
    panels.output_image = rows * panels.pitch;
    panels.output_plane = images * panels.output_image;
    panels.input_rows = rows + (p.kernel_height - 1) * p.dilation_height / p.stride_height;
    panels.input_phase = panels.input_rows * panels.pitch;
    panels.input_image = panels.input_phase * p.stride_height * p.stride_width;
    panels.input_plane = images * panels.input_image;
    return panels;
}

Conv2dProblem patch_problem(const Conv2dProblem& p) {
    Conv2dProblem patches = p;
    patches.in_channels *= p.taps();
    patches.kernel_height = patches.kernel_width = 1;
    patches.in_height = p.out_height;
    patches.in_width = p.out_width;
    patches.stride_height = patches.stride_width = patches.dilation_height = patches.dilation_width = 1;
    patches.padding_top = patches.padding_left = 0;
    return patches;
}

Conv2dProblem kernel_row_problem(const Conv2dProblem& p) {
    Conv2dProblem rows = p;
    rows.in_channels *= p.kernel_width;
    rows.kernel_width = rows.stride_width = rows.dilation_width = 1;
    rows.in_width = p.out_width;
    rows.padding_left = 0;
    return rows;
}

std::int64_t kernel_row_columns(const Conv2dProblem& p, std::int64_t out_columns) {
    return (out_columns - 1) * p.stride_width + p.kernel_width;
}

namespace {

/// What is the same for all cuts.
Conv2dWeightPlan uncut_plan(const Conv2dProblem& p, const WeightWay& way, std::size_t element_bytes,
                            const Strategy& strategy) {
    Conv2dWeightPlan plan{};
    plan.family = way.family;
    plan.exchanged = way.exchanged;
    plan.runs = way.runs;
    plan.side = way.side;
    const Conv2dProblem summed = weight_problem(p, way);
    plan.problem = plan.family == LaneFamily::patches       ? patch_problem(p)
                   : plan.family == LaneFamily::kernel_rows ? kernel_row_problem(p)
                                                            : summed;
    plan.segments = weight_segments(summed, plan.family, element_bytes);
    plan.segment_groups = segment_groups(summed, element_bytes, plan.segments, strategy);
    if (plan.family == LaneFamily::kernel_rows) plan.kernel_row_elements = kernel_row_elements(p, plan.segments);
    const bool from_output = plan.side == LaneSide::grad_output;
    plan.lane_channels = from_output ? plan.problem.out_channels : plan.problem.in_channels;
    plan.row_channels = from_output ? plan.problem.in_channels : plan.problem.out_channels;
    return plan;
}

}  // namespace

std::vector<WeightCut> weight_cuts(const Conv2dProblem& p, const WeightWay& way, const RegisterTiles& tiles,
                                   std::size_t element_bytes, const Strategy& strategy, int vectors) {
    const Conv2dWeightPlan plan = uncut_plan(p, way, element_bytes, strategy);
    if (plan.family == LaneFamily::pixels) return {pixel_cut(plan, plan.problem, strategy)};
    return block_cuts(plan, plan.problem, tiles, element_bytes, strategy, vectors);
}

Conv2dWeightPlan plan_weight(const Conv2dProblem& p, const RegisterTiles& tiles, std::size_t element_bytes,
                             const Strategy& strategy, bool continued) {
    const WeightWay way = weight_way(p, element_bytes, tiles.lanes);
    const WeightCut cut = cheapest(weight_cuts(p, way, tiles, element_bytes, strategy), worthwhile_cut);
    return plan_weight(p, way, cut, tiles, element_bytes, strategy, continued);
}

Conv2dWeightPlan plan_weight(const Conv2dProblem& p, const WeightWay& way, const WeightCut& cut,
                             const RegisterTiles& tiles, std::size_t element_bytes, const Strategy& strategy,
                             bool continued) {
    Conv2dWeightPlan plan = uncut_plan(p, way, element_bytes, strategy);
    plan.continued = continued;
    const Conv2dProblem& q = plan.problem;
    if (plan.family == LaneFamily::pixels) cut_pixel_blocks(plan, q, element_bytes, cut);
    else cut_blocks(plan, q, tiles, cut);
    plan.block_bias = plan.side == LaneSide::grad_output ? plan.block_tiles.padded() : plan.rows_per_block;
    plan.worker_elements = (plan.partials() ? 0 : plan.partial_elements()) + scratch_elements(plan, q, element_bytes);
    if (plan.family == LaneFamily::patches) plan.worker_elements += patch_elements(plan, p, element_bytes);
    plan.shared_elements = plan.partials() ? plan.tasks * plan.partial_elements() : 0;
    return plan;
}

}  // namespace backgrad::plan
