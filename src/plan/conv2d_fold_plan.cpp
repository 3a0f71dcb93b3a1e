#include "plan/conv2d_fold_plan.hpp"

#include "plan/candidates.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace backgrad::plan {

namespace {

constexpr std::int64_t sums_bytes = 256 * 1024;  ///< goal for the sums per tap: they stay in L2
/// Weights are read where they lie: output channels further apart share few sets of the L1 cache and many pages. Where
/// windows do not overlap, few channels have no better lanes than their pixels.
constexpr std::int64_t most_taps = 512, most_taps_apart = 4096, few_channels = 16;
/// Most bytes of a thread's part of sums that several share: they stay in its L2 cache, too.
constexpr std::int64_t shared_bytes = 512 * 1024;

/// Rows of grad_output that one row of grad_input can meet, from the first to the last.
std::int64_t rows_met(const Conv2dProblem& p) {
    return std::min(p.out_height, (p.kernel_height - 1) * p.dilation_height / p.stride_height + 1);
}

std::int64_t row_elements(const Conv2dProblem& p) { return p.in_channels * p.taps() * p.out_width; }

/// Cuts images into bands of rows so that workers are equally busy: each band sums the taps of the rows around it anew.
std::int64_t choose_bands(const Conv2dProblem& p, std::int64_t threads) {
    std::int64_t chosen = 1;
    double best = std::numeric_limits<double>::infinity();
    for (std::int64_t bands = 1; bands <= std::max<std::int64_t>(1, p.in_height); ++bands) {
        const double rows = static_cast<double>(ceil_div(p.in_height, bands)) / static_cast<double>(p.stride_height);
        const double halo = bands > 1 ? static_cast<double>(rows_met(p) - 1) : 0;
        const double cost = (rows + halo + 0.1) * static_cast<double>(ceil_div(p.groups * p.batch * bands, threads));
        if (cost < best * 0.98) {
            best = cost;
            chosen = bands;
        }
    }
    return chosen;
}

/// Cuts the vectors of images' sums into bands so that workers are equally busy.
std::int64_t choose_even_bands(const Conv2dProblem& p, std::int64_t lanes, std::int64_t threads) {
    const std::int64_t vectors = ceil_div(p.pixels_out(), lanes), images = p.groups * p.batch;
    std::int64_t chosen = 1;
    double best = std::numeric_limits<double>::infinity();
    for (std::int64_t bands = 1; bands <= vectors && images * bands <= 4 * threads; ++bands) {
        // 0.5: to start on a band, and to fold rows that others have summed.
        const double cost = (static_cast<double>(ceil_div(vectors, bands)) + 0.5) *
                            static_cast<double>(ceil_div(images * bands, threads));
        if (cost < best * 0.98) {
            best = cost;
            chosen = bands;
        }
    }
    return chosen;
}

/// Lets all bands of an image write to the same sums, each its part, where the caches of all workers hold them: no sums
/// are computed twice. Whoever finishes the last of those that a row of grad_input needs folds that row.
void share_sums(Conv2dInputPlan& plan, const Conv2dProblem& p, std::int64_t taps, std::size_t element_bytes,
                std::int64_t threads) {
    std::int64_t channel = round_up(p.pixels_out(), plan.strip_lanes);
    // Sums a page apart would meet in the same sets of the L1 cache.
    constexpr std::int64_t half_page = 2048;
    if (channel * static_cast<std::int64_t>(element_bytes) % half_page == 0) channel += plan.strip_lanes;
    const std::int64_t sums = p.batch * p.groups * taps * channel;
    const std::int64_t bands = choose_even_bands(p, plan.strip_lanes, threads);
    if (bands == 1 || sums * static_cast<std::int64_t>(element_bytes) > threads * shared_bytes) return;
    plan.sums_shared = true;
    plan.row_blocks = bands;
    plan.fold_channel = channel;
    plan.shared_sums = sums;
    plan.counters = p.batch * p.groups * p.in_height;
}

}  // namespace

bool can_fold(const Conv2dProblem& p) {
    const bool few_apart = p.windows_apart() && p.in_channels <= few_channels;
    return p.layout == Layout::nchw && p.taps() > 1 &&
           p.in_channels * p.taps() <= (few_apart ? most_taps_apart : most_taps) &&
           p.grad_output_height == p.out_height && p.grad_output_width == p.out_width && p.pixels_out() > 0 &&
           p.out_channels > 0;
}

Conv2dProblem tap_sums_problem(const Conv2dProblem& p) {
    Conv2dProblem q = p;
    q.weight_ohwi = q.rotated_kernel = false;
    q.in_channels *= p.taps();
    q.in_height = q.out_height = q.grad_output_height = 1;
    q.in_width = q.out_width = q.grad_output_width = p.pixels_out();
    q.kernel_height = q.kernel_width = 1;
    q.stride_height = q.stride_width = 1;
    q.padding_top = q.padding_left = 0;
    q.dilation_height = q.dilation_width = 1;
    return q;
}

double fold_cost(const Conv2dProblem& p, int lanes) {
    // Per vector of pixels and tap: a store, then a load that crosses lines and an addition.
    constexpr double fold_cycles = 3.5, row_start = 30, tap_start = 4;
    // The kernel puts one, two or four phases together in whole vectors, and others element by element.
    const bool zipped = p.stride_width == 1 || p.stride_width == 2 || p.stride_width == 4;
    const double write_cycles = zipped ? 0.15 : 4;
    const double rows = static_cast<double>(p.in_channels * p.taps());
    const double area =
        static_cast<double>(p.pixels_out()) / static_cast<double>(std::max<std::int64_t>(1, p.pixels_in()));
    const double fill = static_cast<double>(p.pixels_out()) / static_cast<double>(round_up(p.pixels_out(), lanes));
    return area * rows * (1.05 * static_cast<double>(p.out_channels) / 2 + fold_cycles) / lanes / fill +
           (write_cycles + (row_start + tap_start * static_cast<double>(p.taps())) / static_cast<double>(p.in_width)) *
               static_cast<double>(p.in_channels);
}

Range reaching_rows(const Conv2dProblem& p, Range rows) {
    const std::int64_t reach = (p.kernel_height - 1) * p.dilation_height;
    const std::int64_t top = -floor_div(-(rows.begin + p.padding_top - reach), p.stride_height);
    const std::int64_t first = std::clamp<std::int64_t>(top, 0, p.out_height);
    return {first, std::clamp(floor_div(rows.end - 1 + p.padding_top, p.stride_height) + 1, first, p.out_height)};
}

Range band_vectors(const Conv2dProblem& p, const Conv2dInputPlan& plan, std::int64_t block) {
    return share(ceil_div(p.pixels_out(), plan.strip_lanes), plan.row_blocks, block % plan.row_blocks);
}

Range awaited_vectors(const Conv2dProblem& p, const Conv2dInputPlan& plan, std::int64_t row) {
    const Range rows = reaching_rows(p, {row, row + 1});
    const std::int64_t first = std::min(rows.begin, p.out_height - 1), end = std::max(rows.end, first + 1);
    return {first * p.out_width / plan.strip_lanes, ceil_div(end * p.out_width, plan.strip_lanes)};
}

Range waiting_rows(const Conv2dProblem& p, const Conv2dInputPlan& plan, Range vectors) {
    const std::int64_t first = vectors.begin * plan.strip_lanes / p.out_width;
    const std::int64_t last = std::min(p.out_height, ceil_div(vectors.end * plan.strip_lanes, p.out_width)) - 1;
    const std::int64_t reach = (p.kernel_height - 1) * p.dilation_height;
    // Rows that no window meets wait for the row of grad_output behind them, at the end for the last.
    const std::int64_t begin = (first - 1) * p.stride_height - p.padding_top + 1;
    const std::int64_t end = last * p.stride_height - p.padding_top + reach + 1;
    return {first == 0 ? 0 : std::clamp<std::int64_t>(begin, 0, p.in_height),
            last == p.out_height - 1 ? p.in_height : std::clamp<std::int64_t>(end, 0, p.in_height)};
}

KernelRows kernel_rows(const Conv2dProblem& p, std::int64_t row) {
    const std::int64_t step = p.stride_height / std::gcd(p.stride_height, p.dilation_height);
    KernelRows rows{0, step, 0, 0, step * p.dilation_height / p.stride_height};
    for (std::int64_t r = 0; r < p.kernel_height; ++r) {
        const std::int64_t distance = row + p.padding_top - r * p.dilation_height;
        if (distance < 0 || distance % p.stride_height != 0 || distance / p.stride_height >= p.out_height) continue;
        if (rows.count == 0) {
            rows.first = r;
            rows.output_row = distance / p.stride_height;
        }
        ++rows.count;
    }
    return rows;
}

void plan_fold(Conv2dInputPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles, std::size_t element_bytes,
               const Strategy& strategy) {
    const Conv2dProblem sums = tap_sums_problem(p);
    plan.strip_lanes = tiles.lanes;
    set_strip_tile(plan, sums, tiles, cheapest(strip_cuts(plan, sums, tiles, 1), worthwhile_strip_cut).vectors);
    const std::int64_t row_bytes = row_elements(p) * static_cast<std::int64_t>(element_bytes);
    // A row of grad_input needs all the rows that it meets; rows that the next one meets too are moved.
    plan.fold_rows = std::clamp(sums_bytes / std::max<std::int64_t>(1, row_bytes),
                                std::min(p.out_height, 2 * rows_met(p)), p.out_height);
    const bool cut_rows = strategy.partition == Partition::spatial || strategy.partition == Partition::automatic;
    plan.row_blocks = cut_rows ? choose_bands(p, std::max(1, strategy.threads)) : 1;
    plan.fold_channel = round_up(plan.fold_rows * p.out_width, tiles.lanes);
    if (plan.row_blocks > 1) share_sums(plan, p, sums.in_channels, element_bytes, strategy.threads);
    plan.blocks = p.batch * plan.row_blocks;
    plan.block_groups = strategy.partition == Partition::channel ? std::min<std::int64_t>(1, plan.blocks) : plan.blocks;
    plan.tasks = p.groups * plan.block_groups;
    plan.staging_elements =
        p.out_channels > Conv2dInputPlan::panel_channels ? sums.in_channels * plan.pixel_vectors * tiles.lanes : 0;
    plan.worker_elements = round_up(plan.strip_panel_elements(p), 16) + round_up(plan.staging_elements, 16) +
                           (plan.sums_shared ? 0 : round_up(sums.in_channels * plan.fold_channel, 16)) +
                           (p.kernel_width * 3 + p.stride_width) * 16;
}

}  // namespace backgrad::plan
