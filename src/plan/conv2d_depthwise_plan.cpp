#include "plan/conv2d_depthwise_plan.hpp"

#include "plan/conv2d_depthwise_rows.hpp"
#include "plan/conv2d_input_plan.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace backgrad::plan {

namespace {

constexpr std::int64_t line_bytes = 64;               ///< of a cache
constexpr std::int64_t strip_bytes = 384 * 1024;      ///< panels of a strip: a part of the L2 cache
constexpr std::int64_t task_products = 256 * 1024;    ///< a task should be worth its start
constexpr std::int64_t pixel_bytes = 256;             ///< of NHWC's pixels that are read at once
constexpr std::int64_t row_weight_bytes = 12 * 1024;  ///< weights that all pixels of rows meet: a part of the L1 cache
constexpr std::int64_t stage_bytes = 16 * 1024;       ///< of grad_input on its way to planes: a part of the L1 cache
constexpr std::int64_t plane_units = 8;    ///< that a task should pass: it fetches the next one's planes ahead
constexpr std::int64_t free_terms = 4096;  ///< most pixels per segment where nothing is summed

/// Rows of grad_input that belong to rows of grad_output.
Range target_rows(const Conv2dProblem& p, const Range& rows) {
    const auto bound = [&](std::int64_t row) {
        if (row == 0) return row;
        return row == p.out_height ? p.in_height : std::min(p.in_height, row * p.stride_height);
    };
    return {bound(rows.begin), bound(rows.end)};
}

std::int64_t reach(const Conv2dProblem& p) { return (p.kernel_height - 1) * p.dilation_height; }

/// Rows of grad_output that rows of grad_input read.
Range source_rows(const Conv2dProblem& p, const Range& target) {
    if (target.size() == 0) return {0, 0};
    return clip({floor_div(target.begin + p.padding_top - reach(p), p.stride_height),
                 floor_div(target.end - 1 + p.padding_top, p.stride_height) + 1},
                p.out_height);
}

Range hull(const Range& a, const Range& b) {
    if (b.size() == 0) return a;
    return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

/// The columns beside grad_output that grad_input's taps meet.
void set_margins(Conv2dDepthwisePlan& plan, const Conv2dProblem& p) {
    for (std::int64_t x = 0; x < p.in_width; ++x) {
        const DepthwiseTaps& taps = plan.columns.taps(x);
        if (taps.count == 0) continue;
        const std::int64_t last = plan.columns.output(x), first = last - (taps.count - 1) * taps.output_step;
        plan.margin_left = std::max(plan.margin_left, -first);
        plan.margin_right = std::max(plan.margin_right, last + 1 - p.out_width);
    }
}

/// Panels for strips of at most `rows` rows of grad_output.
void size_panels(Conv2dDepthwisePlan& plan, const Conv2dProblem& p, std::int64_t rows) {
    // Padding beyond the kernel's reach moves what grad_input reads away from the strip.
    const std::int64_t halo = std::max(reach(p), p.padding_top) / p.stride_height + 2;
    const std::int64_t spare = std::max<std::int64_t>(0, p.in_height - p.out_height * p.stride_height);
    const std::int64_t targets = std::min(p.in_height, rows * p.stride_height + spare);
    const std::int64_t sources = std::min(p.out_height, std::max(rows, ceil_div(targets, p.stride_height)) + halo);
    const std::int64_t inputs = std::min(p.in_height, (rows - 1) * p.stride_height + reach(p) + 1);
    const std::int64_t lanes = plan.unit_channels;
    // Panels of 2^k bytes would meet in the same cache sets.
    const auto panel = [lanes](std::int64_t pixels) { return (pixels | 1) * lanes; };
    plan.source_elements = plan.source_panels() ? panel(sources * (p.out_width + plan.margins())) : 0;
    plan.input_elements = plan.input_panels() ? panel(inputs * p.in_width) : 0;
    plan.target_elements = plan.target_panels() ? panel(targets * p.in_width) : 0;
}

void choose_strips(Conv2dDepthwisePlan& plan, const Conv2dProblem& p, std::int64_t element_bytes) {
    const Segments& s = plan.segments;
    const std::int64_t part = ceil_div(s.height, s.row_parts);
    std::int64_t parts = s.row_parts;
    // Where nothing needs panels, what two passes over a strip read and write should still be near.
    const bool two_passes = plan.input_over_rows && plan.sums();
    const auto fits = [&] {
        const std::int64_t rows = std::min(p.out_height, parts * part);
        size_panels(plan, p, rows);
        const std::int64_t panels = plan.source_elements + plan.input_elements + plan.target_elements;
        const std::int64_t in_place = rows * (p.out_width + 2 * p.stride_height * p.in_width) * plan.unit_channels;
        const std::int64_t elements = two_passes ? plan.units_per_block * in_place : plan.units_at_once * panels;
        return elements * element_bytes <= strip_bytes;
    };
    while (!fits() && parts > 1) --parts;
    plan.strip_segments = s.images > 1 ? 1 : parts * s.column_parts;
    // A strip that begins amid a row of segments ends amid one.
    if (s.column_parts > 1) size_panels(plan, p, std::min(p.out_height, (parts + 1) * part));
}

/// Most units of a task over rows of grad_input. Every pixel meets the weights of all of them, which should still be in
/// the L1 cache then. With strides less is computed for a pixel: reading in the order of memory is worth more.
std::int64_t most_row_units(const Conv2dProblem& p, const Conv2dDepthwisePlan& plan, std::int64_t element_bytes) {
    if (!plan.input_over_rows || plan.sums()) return plan.units;
    const std::int64_t bytes = row_weight_bytes * (p.strided() ? 2 : 1);
    return std::clamp<std::int64_t>(bytes / (plan.weight_elements * element_bytes), 1, plan.units);
}

void choose_blocks(Conv2dDepthwisePlan& plan, const Conv2dProblem& p, std::int64_t element_bytes,
                   const Strategy& strategy, std::int64_t units_per_task) {
    const std::int64_t threads = std::max(1, strategy.threads);
    const std::int64_t pixels = ceil_div(plan.segments.count, plan.segment_groups) * plan.segments.largest();
    const std::int64_t products = std::max<std::int64_t>(1, pixels * plan.weight_elements);
    const std::int64_t unit_bytes = plan.unit_channels * element_bytes;
    const std::int64_t together = p.layout == Layout::nchw ? 1 : pixel_bytes / unit_bytes;
    const std::int64_t worthwhile = round_up(ceil_div(task_products, products), together);
    const std::int64_t balanced = std::max<std::int64_t>(1, plan.units * plan.segment_groups / (4 * threads));
    const bool uncut = strategy.partition == Partition::batch || strategy.partition == Partition::spatial;
    // Rows that are read where they lie are read the more in the order of memory the more units go together.
    const std::int64_t share_of_thread = ceil_div(plan.units * plan.segment_groups, threads);
    const bool rows = plan.over_rows || plan.input_over_rows;
    const std::int64_t wanted = rows ? std::max(round_up(share_of_thread, together), worthwhile)
                                     : std::min(std::max(worthwhile, plane_units), balanced);
    const std::int64_t ruled = uncut ? plan.units : std::min(wanted, most_row_units(p, plan, element_bytes));
    const std::int64_t size = units_per_task > 0 ? std::min(units_per_task, plan.units) : ruled;
    plan.line_units = p.layout == Layout::nchw ? 1 : std::max<std::int64_t>(1, line_bytes / unit_bytes);
    const std::int64_t lines = ceil_div(plan.units, plan.line_units);
    plan.unit_blocks = ceil_div(lines, std::max<std::int64_t>(1, size / plan.line_units));
    // As many tasks for each worker, where pixels are not read together for several units.
    const bool even = !uncut && together == 1 && units_per_task == 0;
    while (even && plan.unit_blocks < plan.units && plan.segment_groups * plan.unit_blocks % threads != 0)
        ++plan.unit_blocks;
    plan.units_per_block = std::min(plan.units, ceil_div(lines, plan.unit_blocks) * plan.line_units);
    plan.units_at_once = std::min(together, plan.units_per_block);
}

/// Slots of loads or FMAs (two each per cycle) per FMA of a tile: a row of grad_output serves fewer rows of the tile
/// where the kernel begins and ends, and few sums wait for each other.
double tile_cost(double rows, double pixels, double kernel_rows) {
    const double products = rows * pixels * kernel_rows;
    const double loads = pixels * (kernel_rows + rows - 1) + rows * kernel_rows;
    return std::max({1.0, loads / products, 8.0 / (rows * pixels)}) + 0.1 * loads / products;
}

void choose_tiles(Conv2dDepthwisePlan& plan, const Conv2dProblem& p, const DepthwiseTileLimits& limits,
                  std::int64_t tile_pixels) {
    const std::int64_t columns = std::max<std::int64_t>(1, ceil_div(p.in_width, p.stride_width));
    const std::int64_t lines = std::max<std::int64_t>(1, ceil_div(p.in_height, plan.rows.class_step));
    const auto& most_rows = plan.group_channels > 1 ? limits.group_rows : limits.rows;
    for (const DepthwiseTaps& taps : plan.rows.phases) {
        DepthwiseTile best{1, 1};
        double least = std::numeric_limits<double>::infinity();
        for (std::int64_t pixels = 1; pixels <= 8; ++pixels) {
            if (tile_pixels > 0 && pixels != tile_pixels) continue;
            const std::int64_t most =
                std::min({std::max<std::int64_t>(1, taps.count), lines, std::int64_t{most_rows[pixels]}});
            for (std::int64_t rows = 1; rows <= most; ++rows) {
                // Tiles of a row are made equal, so their mean width is what counts.
                const double wide = static_cast<double>(columns) / static_cast<double>(ceil_div(columns, pixels));
                const double tall = static_cast<double>(lines) / static_cast<double>(ceil_div(lines, rows));
                const double cost = tile_cost(tall, wide, static_cast<double>(std::max<std::int64_t>(1, taps.count)));
                if (cost < least) {
                    least = cost;
                    best = {rows, pixels};
                }
            }
        }
        plan.tiles.push_back(best);
    }
}

/// Whether tiles should write NHWC's pixels where they go. They write a line here and there, which costs more than
/// panels that are copied in the order of memory where little is computed in between and pixels share few sets of an L1
/// cache of 64.
bool gains_in_place(const Conv2dProblem& p, const Conv2dDepthwisePlan& plan, std::int64_t element_bytes) {
    constexpr std::int64_t cache_sets = 64, many_sets = 16, many_products = 16;
    if (p.layout != Layout::nhwc || plan.channels % plan.unit_channels != 0) return false;
    const std::int64_t pixel_lines = std::max<std::int64_t>(1, plan.channels * element_bytes / line_bytes);
    const std::int64_t sets = cache_sets / std::gcd(cache_sets, pixel_lines * p.stride_width);
    const std::int64_t products = plan.group_channels * p.taps() / (p.stride_height * p.stride_width);
    return products >= many_products || sets >= many_sets;
}

/// Segments where nothing is summed, so that they are free: equal, and enough for all threads. Tasks over rows of NHWC
/// hold few blocks of units, so that is as if they held all.
Segments free_segments(const Conv2dProblem& p, const Conv2dDepthwisePlan& plan, const Strategy& strategy) {
    const std::int64_t pixels = p.batch * p.pixels_out(), threads = std::max(1, strategy.threads);
    // A single thread has nothing to balance.
    const std::int64_t tasks_per_thread = threads == 1 ? 1 : plan.input_over_rows ? 4 : 8;
    const std::int64_t units = plan.input_over_rows ? 1 : plan.units, least_terms = plan.input_over_rows ? 128 : 512;
    const std::int64_t wanted = std::max(ceil_div(pixels, free_terms), ceil_div(tasks_per_thread * threads, units));
    std::int64_t count = std::clamp<std::int64_t>(pixels / least_terms, 1, wanted);
    if (count > threads) count -= count % threads;
    // Parts of a row would leave its grad_input to the first of them.
    const std::int64_t least = plan.input_over_rows ? p.out_width : 1;
    return make_segments(p.batch, p.out_height, p.out_width, std::max(least, ceil_div(pixels, count)));
}

}  // namespace

Conv2dDepthwisePlan plan_depthwise(const Conv2dProblem& p, const Conv2dGradients& gradients,
                                   const DepthwiseTileLimits& limits, std::size_t element_bytes,
                                   const Strategy& strategy) {
    return plan_depthwise(p, gradients, depthwise_way(p, gradients, element_bytes), limits, element_bytes, strategy);
}

DepthwiseWay depthwise_way(const Conv2dProblem& p, const Conv2dGradients& gradients, std::size_t element_bytes) {
    const bool sums = gradients.weight || gradients.bias;
    // Rows that fill less than half a vector are better transposed.
    const bool wide = 2 * p.in_width * static_cast<std::int64_t>(element_bytes) > 64;
    const bool sums_in_place = sums && (works_on_planes(p) || works_on_rows(p));
    // Larger kernels gain more from tiles of several rows, which strides leave little of (measured: 7x7 loses up to a
    // third with AVX-512, with a stride of 2 it gains up to two fifths).
    const bool few_taps = p.taps() <= 25 * p.stride_height * p.stride_width;
    // Panels for the sums are there for grad_input, too.
    const bool over_rows = has_row_input(p) && few_taps && (sums_in_place || !sums);
    return {sums_in_place, gradients.input && ((wide && works_on_planes(p)) || over_rows), 0, 0};
}

Conv2dDepthwisePlan plan_depthwise(const Conv2dProblem& p, const Conv2dGradients& gradients, const DepthwiseWay& way,
                                   const DepthwiseTileLimits& limits, std::size_t element_bytes,
                                   const Strategy& strategy) {
    Conv2dDepthwisePlan plan{};
    plan.gradients = gradients;
    plan.lanes = limits.lanes;
    plan.group_channels = lane_group(p, element_bytes);
    plan.channels = p.groups * plan.group_channels;
    plan.unit_channels = std::max(plan.lanes, plan.group_channels);
    plan.units = ceil_div(plan.channels, plan.unit_channels);
    plan.input_over_rows = way.input_in_place && has_row_input(p);
    if (plan.sums()) {
        plan.over_planes = way.sums_in_place && works_on_planes(p);
        plan.over_rows = way.sums_in_place && works_on_rows(p);
        plan.segments = weight_segments(p, plan.over_planes ? LaneFamily::pixels : LaneFamily::channels, element_bytes);
        plan.segment_groups = segment_groups(p, element_bytes, plan.segments, strategy);
        if (plan.over_planes) plan.planes = plan_planes(p, element_bytes);
    } else {
        plan.segments = free_segments(p, plan, strategy);
        plan.segment_groups = strategy.partition == Partition::channel ? 1 : plan.segments.count;
    }
    if (way.input_in_place && works_on_planes(p)) plan.input_planes = plan_input_planes(p, element_bytes);
    plan.rows = depthwise_axis(p.padding_top, p.kernel_height, p.stride_height, p.dilation_height);
    plan.columns = depthwise_axis(p.padding_left, p.kernel_width, p.stride_width, p.dilation_width);
    plan.weight_elements = p.taps() * plan.group_channels * plan.unit_channels;
    if (plan.target_panels()) {
        set_margins(plan, p);
        plan.target_in_place = gains_in_place(p, plan, static_cast<std::int64_t>(element_bytes));
    }
    choose_blocks(plan, p, static_cast<std::int64_t>(element_bytes), strategy, way.units_per_task);
    choose_strips(plan, p, static_cast<std::int64_t>(element_bytes));
    choose_tiles(plan, p, limits, way.tile_pixels);
    plan.tasks = plan.segment_groups * plan.unit_blocks;
    plan.shared_elements = plan.partials() ? plan.tasks * plan.partial_elements() : 0;
    const std::int64_t units = plan.units_per_block;
    plan.worker_elements =
        plan.partial_elements() + 2 * round_up(units * plan.weight_elements, 16) + round_up(plan.weight_elements, 16) +
        round_up(units, 16) + round_up(units * plan.unit_channels, 16) +
        plan.units_at_once * (plan.source_elements + plan.input_elements + plan.target_elements) + 48;
    if (!plan.input_planes.empty()) {
        const std::int64_t bytes = static_cast<std::int64_t>(element_bytes), line = line_bytes / bytes;
        plan.stage_elements = round_up(std::max(stage_bytes / bytes, p.in_width * p.stride_height), line) + line;
        plan.worker_elements += plan.stage_elements;
    }
    if (plan.over_planes) {
        const std::int64_t sums = p.taps() + 1, bytes = static_cast<std::int64_t>(element_bytes);
        plan.chain_elements = round_up(plan.unit_channels * sums * plan.planes.lanes, 16);
        plan.plane_sum_elements = round_up(plan.unit_channels * sums, 16);
        plan.plane_block_elements = static_cast<std::int64_t>(plan.planes.blocks.size()) * plane_block_bytes / bytes;
        plan.worker_elements += plan.chain_elements + plan.plane_sum_elements + plan.plane_block_elements;
    }
    return plan;
}

DepthwiseStrip depthwise_strip(const Conv2dProblem& p, const Conv2dDepthwisePlan& plan, const Range& segments,
                               std::int64_t image) {
    const PixelBox first = plan.segments.box(segments.begin);
    DepthwiseStrip strip{};
    std::int64_t end = segments.begin + 1;
    if (plan.segments.images > 1) {
        strip.image = image;
        strip.begins = image == first.image_begin;
        strip.ends = image + 1 == first.image_end;
    } else {
        strip.image = first.image_begin;
        strip.begins = strip.ends = true;
        const std::int64_t image_end = (strip.image + 1) * plan.segments.row_parts * plan.segments.column_parts;
        end = std::min({segments.end, image_end, segments.begin + plan.strip_segments});
    }
    strip.segments = {segments.begin, end};
    strip.rows = {first.row_begin, plan.segments.box(end - 1).row_end};
    strip.input_rows =
        clip({p.input_row(strip.rows.begin, 0), p.input_row(strip.rows.end - 1, p.kernel_height - 1) + 1}, p.in_height);
    // The first segment of a row of segments owns all its columns of grad_input.
    const bool owns_first = first.column_begin == 0;
    strip.target_rows = target_rows(p, {owns_first ? first.row_begin : first.row_end, strip.rows.end});
    strip.source_rows = hull(strip.rows, source_rows(p, strip.target_rows));
    return strip;
}

DepthwiseAxis depthwise_axis(std::int64_t padding, std::int64_t kernel, std::int64_t stride, std::int64_t dilation) {
    const std::int64_t common = std::gcd(stride, dilation), step = stride / common;
    DepthwiseAxis axis{padding, stride, dilation, std::lcm(stride, dilation), {}};
    for (std::int64_t phase = 0; phase < stride; ++phase) {
        std::int64_t first = 0;
        while (first < step && first * dilation % stride != phase) ++first;
        const std::int64_t count = first < step && first < kernel ? ceil_div(kernel - first, step) : 0;
        axis.phases.push_back({first, step, count, dilation / common});
    }
    return axis;
}

}  // namespace backgrad::plan
