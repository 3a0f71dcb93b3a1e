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
    const std::int64_t vectors = ceil_div(p.in_width, tiles.lanes);
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
void choose_tasks(Conv2dInputPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles, const Strategy& strategy) {
    const std::int64_t threads = std::max(1, strategy.threads), strips = plan.strips(p, tiles.lanes);
    const std::int64_t tile_count = std::max<std::int64_t>(1, plan.channel_tile_count(p));
    constexpr std::int64_t strips_per_task = 16, tasks_per_thread = 16;
    plan.blocks = p.batch * strips;
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

}  // namespace

double pointwise_cost(const Conv2dProblem& p, int lanes) {
    // 1.05: calls and partial tiles.
    return 1.05 * static_cast<double>(p.in_channels * p.out_channels) / 2 *
           static_cast<double>(ceil_div(p.in_width, lanes)) / static_cast<double>(p.in_width);
}

PixelStrip pixel_strip(const Conv2dProblem& p, const Conv2dInputPlan& plan, int lanes, std::int64_t strip) {
    const std::int64_t strips = plan.strips(p, lanes);
    const Range vectors = share(ceil_div(p.in_width, lanes), strips, strip % strips);
    return {strip / strips, {vectors.begin * lanes, std::min(p.in_width, vectors.end * lanes)}};
}

void plan_pointwise(Conv2dInputPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles,
                    const Strategy& strategy) {
    choose_tile(plan, p, tiles);
    choose_tasks(plan, p, tiles, strategy);
    plan.tasks = p.groups * plan.channel_groups * plan.block_groups;
    const std::int64_t width = plan.pixel_vectors * tiles.lanes;
    const std::int64_t panel = std::min(p.out_channels, Conv2dInputPlan::panel_channels) * width;
    // Sums wait in memory from one panel to the next.
    plan.staging_elements = p.out_channels > Conv2dInputPlan::panel_channels ? p.in_channels * width : 0;
    plan.worker_elements = round_up(panel, 16) + round_up(plan.staging_elements, 16);
}

}  // namespace backgrad::plan
