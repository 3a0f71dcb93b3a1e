#include "plan/conv2d_input_plan.hpp"

#include <algorithm>
#include <limits>

namespace backgrad::plan {

namespace {

constexpr int most_vectors = 4;    ///< the packing register tiles
constexpr double call_slots = 80;  ///< of a register tile: call, zeros, stores

/// Slots per output channel for all tiles of one strip of `vectors` vectors.
double strip_slots(const Conv2dProblem& p, std::int64_t vectors, std::int64_t rows) {
    const double terms =
        static_cast<double>(std::clamp<std::int64_t>(p.out_channels, 1, Conv2dInputPlan::panel_channels));
    const std::int64_t slots = std::max<std::int64_t>({vectors * rows, vectors + rows, 8});
    return static_cast<double>(ceil_div(p.in_channels, rows)) * (static_cast<double>(slots) + call_slots / terms);
}

/// The vectors of a strip and the input channels of a tile with the fewest slots.
void choose_tile(Conv2dInputPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles) {
    const std::int64_t pixels = plan.strips_cross_images ? p.batch * p.pixels_out() : p.pixels_out();
    const std::int64_t vectors = ceil_div(pixels, tiles.lanes);
    double best = std::numeric_limits<double>::infinity();
    int limit = tiles.rows_limit[1];
    for (int v = 1; v <= std::min<std::int64_t>(most_vectors, vectors); ++v) {
        // Strips are cut evenly, so some have a vector less.
        limit = std::min(limit, tiles.rows_limit[v]);
        const std::int64_t rows = ceil_div(p.in_channels, ceil_div(p.in_channels, limit));
        const std::int64_t strips = ceil_div(vectors, v), larger = vectors % strips;
        const double cost = static_cast<double>(larger) * strip_slots(p, vectors / strips + 1, rows) +
                            static_cast<double>(strips - larger) * strip_slots(p, vectors / strips, rows);
        if (cost < best) {
            best = cost;
            plan.pixel_vectors = v;
            plan.row_channels = rows;
        }
    }
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
            break;
        case Partition::automatic:
            plan.block_groups = std::min(all, std::max(ceil_div(all, strips_per_task), tasks_per_thread * threads));
            plan.channel_groups = std::clamp<std::int64_t>(ceil_div(tasks_per_thread * threads, all * p.groups), 1,
                                                           ceil_div(tile_count, 4));
            break;
    }
}

/// Cycles per vector of pixels that are moved, per channel, and per element of grad_input beside the sums.
constexpr double pack_cycles = 12, unpack_cycles = 4, spread_cycles = 0.2;

bool is_strided(const Conv2dProblem& p) { return p.stride_height > 1 || p.stride_width > 1; }

/// Cycles per pixel of grad_output, all channels, if strips are cut from each of `rows` rows of pixels.
double strip_cost(const Conv2dProblem& p, int lanes, std::int64_t rows, double moves_per_vector) {
    const double pixels = static_cast<double>(std::max<std::int64_t>(1, p.batch * p.pixels_out()));
    const std::int64_t vectors = rows * ceil_div(p.batch * p.pixels_out() / std::max<std::int64_t>(1, rows), lanes);
    // 1.05: calls and partial tiles.
    const double terms = static_cast<double>(p.in_channels * p.out_channels);
    return static_cast<double>(vectors) / pixels * (1.05 * terms / 2 + moves_per_vector);
}

double cost_in_images(const Conv2dProblem& p, int lanes) {
    return strip_cost(p, lanes, p.batch, is_strided(p) ? unpack_cycles * static_cast<double>(p.in_channels) : 0);
}

double cost_across_images(const Conv2dProblem& p, int lanes) {
    const double in = static_cast<double>(p.in_channels), out = static_cast<double>(p.out_channels);
    // Nothing is fetched while a panel is packed.
    return strip_cost(p, lanes, 1, 1.05 * (pack_cycles * out + unpack_cycles * in + 0.025 * in * out));
}

}  // namespace

double pointwise_cost(const Conv2dProblem& p, int lanes) {
    const double area =
        static_cast<double>(p.pixels_out()) / static_cast<double>(std::max<std::int64_t>(1, p.pixels_in()));
    return area * std::min(cost_in_images(p, lanes), cost_across_images(p, lanes)) +
           (is_strided(p) ? spread_cycles * static_cast<double>(p.in_channels) : 0);
}

Range pixel_strip(const Conv2dProblem& p, const Conv2dInputPlan& plan, std::int64_t strip) {
    const std::int64_t lanes = plan.strip_lanes;
    const std::int64_t images = plan.strips_cross_images ? 1 : p.batch;
    const std::int64_t strips = plan.strips(p) / images, pixels = p.batch * p.pixels_out() / images;
    const Range vectors = share(ceil_div(pixels, lanes), strips, strip % strips);
    const std::int64_t first = strip / strips * pixels;
    return {first + vectors.begin * lanes, first + std::min(pixels, vectors.end * lanes)};
}

ImagePixels first_image(Range pixels, std::int64_t image_pixels) {
    const std::int64_t image = pixels.begin / image_pixels, first = image * image_pixels;
    return {image, {pixels.begin - first, std::min(image_pixels, pixels.end - first)}};
}

void plan_pointwise(Conv2dInputPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles,
                    const Strategy& strategy) {
    plan.strip_lanes = tiles.lanes;
    plan.strips_cross_images = cost_across_images(p, tiles.lanes) < cost_in_images(p, tiles.lanes);
    plan.staged = plan.strips_cross_images || is_strided(p);
    choose_tile(plan, p, tiles);
    choose_tasks(plan, p, strategy);
    plan.tasks = p.groups * plan.channel_groups * plan.block_groups;
    const std::int64_t width = plan.pixel_vectors * tiles.lanes;
    const std::int64_t panel = std::min(p.out_channels, Conv2dInputPlan::panel_channels) * width;
    // Sums wait in memory from one panel to the next, and to be moved.
    const bool wait = plan.staged || p.out_channels > Conv2dInputPlan::panel_channels;
    plan.staging_elements = wait ? p.in_channels * width : 0;
    // Moving reads whole vectors, beyond the last.
    plan.worker_elements = round_up(panel, 16) + round_up(plan.staging_elements, 16) + 16;
}

}  // namespace backgrad::plan
