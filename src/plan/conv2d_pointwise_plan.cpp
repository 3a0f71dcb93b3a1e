#include "plan/conv2d_input_plan.hpp"

#include "plan/move_cycles.hpp"

#include <algorithm>

namespace backgrad::plan {

namespace {

constexpr int most_vectors = 4;    ///< the packing register tiles
constexpr double call_slots = 80;  ///< of a register tile: call, zeros, stores
constexpr double read_cycles = 1;  ///< per vector of grad_output that comes from beyond the L1 cache
constexpr double edge_cycles = 8;  ///< per channel of a strip where planes are no whole vectors: lines of two strips
/// Cycles per vector of pixels that are moved, per channel, and per element of grad_input beside the sums.
constexpr double pack_cycles = 4, unpack_cycles = 4, spread_cycles = 0.2;

/// Cycles of `tile_count` tiles of input channels over one strip of `vectors` vectors.
double strip_cycles(const Conv2dProblem& p, const Conv2dInputPlan& plan, std::int64_t vectors,
                    std::int64_t tile_count) {
    const std::int64_t rows = plan.row_channels;
    const double out = static_cast<double>(p.out_channels), in = static_cast<double>(tile_count * rows);
    const double terms =
        static_cast<double>(std::clamp<std::int64_t>(p.out_channels, 1, Conv2dInputPlan::panel_channels));
    const double slots = static_cast<double>(std::max<std::int64_t>({vectors * rows, vectors + rows, 8}));
    const double sums = static_cast<double>(tile_count) * (slots + call_slots / terms) * out / 2;
    const double cells = static_cast<double>(plan.strip_lanes * p.stride_height * p.stride_width);
    const bool ends_inside = !plan.staged && !plan.folded && p.pixels_out() % plan.strip_lanes != 0;
    const double moves = (plan.strips_cross_images ? pack_cycles : read_cycles) * out +
                         (plan.staged ? unpack_cycles * in : 0) + (p.strided() ? spread_cycles * cells * in : 0);
    return sums + moves * static_cast<double>(vectors) + (ends_inside ? edge_cycles * in : 0);
}

/// The cycles of the worker with most to do if every strip is worked on in `groups` groups of channel tiles.
double makespan(const Conv2dProblem& p, const Conv2dInputPlan& plan, std::int64_t groups, std::int64_t threads) {
    const std::int64_t rows = plan.strips_cross_images ? 1 : p.batch, all_strips = plan.strips(p);
    const std::int64_t vectors = ceil_div(p.batch * p.pixels_out() / rows, plan.strip_lanes);
    const std::int64_t strips = all_strips / rows, larger = vectors % strips;
    const std::int64_t tile_count = ceil_div(plan.channel_tile_count(p), groups);
    const double row = static_cast<double>(larger) * strip_cycles(p, plan, vectors / strips + 1, tile_count) +
                       static_cast<double>(strips - larger) * strip_cycles(p, plan, vectors / strips, tile_count);
    const double each = row / static_cast<double>(strips);
    // One worker has them all, of several one has only larger ones.
    const double largest = threads > 1 && larger > 0 ? strip_cycles(p, plan, vectors / strips + 1, tile_count) : each;
    return largest + each * static_cast<double>(ceil_div(p.groups * all_strips * groups, threads) - 1);
}

/// Cuts strips and input channels into tasks. Channels are cut where strips are few: each part reads grad_output anew.
void choose_tasks(Conv2dInputPlan& plan, const Conv2dProblem& p, const Strategy& strategy) {
    const std::int64_t threads = std::max(1, strategy.threads);
    const std::int64_t tile_count = std::max<std::int64_t>(1, plan.channel_tile_count(p));
    constexpr std::int64_t strips_per_task = 16, tasks_per_thread = 16;
    plan.blocks = plan.strips(p);
    const std::int64_t all = std::max<std::int64_t>(1, plan.blocks);
    switch (strategy.partition) {
        case Partition::batch:
            plan.block_groups = std::min(all, p.images);
            plan.channel_groups = 1;
            break;
        case Partition::channel:
            plan.block_groups = 1;
            plan.channel_groups = tile_count;
            break;
        case Partition::batch_channel:
            plan.block_groups = std::min(all, p.images);
            plan.channel_groups = tile_count;
            break;
        case Partition::spatial:
            plan.block_groups = all;
            plan.channel_groups = 1;
            break;
        case Partition::automatic:
            plan.block_groups =
                std::min(all, std::max(round_up(ceil_div(all, strips_per_task), threads), tasks_per_thread * threads));
            break;
    }
}

/// Cycles per pixel of grad_output, all channels, if strips are cut from each of `rows` rows of pixels.
double strip_cost(const Conv2dProblem& p, int lanes, std::int64_t rows, double moves_per_vector) {
    const double pixels = static_cast<double>(std::max<std::int64_t>(1, p.batch * p.pixels_out()));
    const std::int64_t vectors = rows * ceil_div(p.batch * p.pixels_out() / std::max<std::int64_t>(1, rows), lanes);
    // 1.05: calls and partial tiles.
    const double terms = static_cast<double>(p.in_channels * p.out_channels);
    return static_cast<double>(vectors) / pixels * (1.05 * terms / 2 + moves_per_vector);
}

double cost_in_images(const Conv2dProblem& p, int lanes) {
    return strip_cost(p, lanes, p.batch, p.strided() ? unpack_cycles * static_cast<double>(p.in_channels) : 0);
}

double cost_across_images(const Conv2dProblem& p, int lanes) {
    const double in = static_cast<double>(p.in_channels), out = static_cast<double>(p.out_channels);
    return strip_cost(p, lanes, 1, pack_cycles * out + unpack_cycles * in);
}

}  // namespace

void set_strip_tile(Conv2dInputPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles, int vectors) {
    plan.pixel_vectors = vectors;
    plan.row_channels = channels_beside(p, tiles, vectors);
}

std::vector<InputCut> strip_cuts(const Conv2dInputPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles,
                                 std::int64_t threads) {
    // More groups balance better, but each reads grad_output anew.
    constexpr double group_penalty = 1.02;
    const std::int64_t pixels = plan.strips_cross_images ? p.batch * p.pixels_out() : p.pixels_out();
    const std::int64_t most = std::clamp<std::int64_t>(ceil_div(pixels, tiles.lanes), 1, most_vectors);
    Conv2dInputPlan candidate = plan;
    std::vector<InputCut> cuts;
    for (int v = 1; v <= most; ++v) {
        set_strip_tile(candidate, p, tiles, v);
        const std::int64_t groups = threads > 1 ? candidate.channel_tile_count(p) : 1;
        for (std::int64_t c = 1; c <= groups; ++c)
            cuts.push_back({1, 1, c, v, makespan(p, candidate, c, threads) * (c > 1 ? group_penalty : 1.0)});
    }
    return cuts;
}

double strips_cost(const Conv2dProblem& p, int lanes, bool across_images) {
    const double area =
        static_cast<double>(p.pixels_out()) / static_cast<double>(std::max<std::int64_t>(1, p.pixels_in()));
    return area * (across_images ? cost_across_images(p, lanes) : cost_in_images(p, lanes)) +
           (p.strided() ? spread_cycles * static_cast<double>(p.in_channels) : 0);
}

double strips_weight_reads(const Conv2dProblem& p, const RegisterTiles& tiles, std::size_t element_bytes) {
    constexpr double line_cycles = 7.5;  // measured: 1.5 times as long with AVX2, AVX-512 1.0
    constexpr std::int64_t page = 4096, ways_of_a_set = 8;
    constexpr int vectors = 3;  // what most plans take
    if (p.in_channels == 0 || p.out_channels <= ways_of_a_set) return 1;
    if (p.in_channels * static_cast<std::int64_t>(element_bytes) % page != 0) return 1;  // half a page: none measured
    const std::int64_t rows = channels_beside(p, tiles, vectors);
    // A row of weights seldom begins with a line.
    const double lines = 1 + static_cast<double>((rows - 1) * static_cast<std::int64_t>(element_bytes)) / line_bytes;
    return std::max(1.0, line_cycles * lines / (static_cast<double>(vectors * rows) / 2));
}

void begin_strips(Conv2dInputPlan& plan, const Conv2dProblem& p, int lanes, bool across_images) {
    plan.strip_lanes = lanes;
    plan.strips_cross_images = across_images;
    plan.staged = across_images || p.strided();
}

Range pixel_strip(const Conv2dProblem& p, const Conv2dInputPlan& plan, std::int64_t strip) {
    const std::int64_t lanes = plan.strip_lanes, pixels = plan.row_pixels(p), strips = plan.row_strips(p);
    const std::int64_t row = strip / strips;
    const Range vectors = share(ceil_div(pixels, lanes), strips, strip - row * strips);
    const std::int64_t first = row * pixels;
    return {first + vectors.begin * lanes, first + std::min(pixels, vectors.end * lanes)};
}

ImagePixels first_image(Range pixels, std::int64_t image_pixels) {
    const std::int64_t image = pixels.begin / image_pixels, first = image * image_pixels;
    return {image, {pixels.begin - first, std::min(image_pixels, pixels.end - first)}};
}

double pointwise_cycles(const Conv2dProblem& p, const Conv2dInputPlan& plan, const Range& strips,
                        const Range& channel_tiles) {
    double cycles = 0;
    for (std::int64_t s = strips.begin; s < strips.end; ++s)
        cycles +=
            strip_cycles(p, plan, ceil_div(pixel_strip(p, plan, s).size(), plan.strip_lanes), channel_tiles.size());
    return cycles;
}

void plan_pointwise(Conv2dInputPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles, const InputCut& cut,
                    const Strategy& strategy) {
    set_strip_tile(plan, p, tiles, cut.vectors);
    plan.channel_groups = cut.channel_groups;
    choose_tasks(plan, p, strategy);
    plan.tasks = p.groups * plan.channel_groups * plan.block_groups;
    const std::int64_t width = plan.pixel_vectors * tiles.lanes;
    // Sums wait in memory from one panel to the next, and to be moved.
    const bool wait = plan.staged || p.out_channels > Conv2dInputPlan::panel_channels;
    plan.staging_elements = wait ? p.in_channels * width : 0;
    // Moving reads whole vectors, beyond the last.
    plan.worker_elements = round_up(plan.strip_panel_elements(p), 16) + round_up(plan.staging_elements, 16) + 16;
}

}  // namespace backgrad::plan
