#include "plan/conv2d_work.hpp"

#include "plan/conv2d_fold_plan.hpp"
#include "plan/conv2d_input_blocks.hpp"
#include "plan/move_cycles.hpp"

#include <algorithm>
#include <numeric>

namespace backgrad::plan {

namespace {

/// Two multiply-adds per cycle, of two operations each.
double flops_per_cycle(const RegisterTiles& tiles) { return 4.0 * tiles.lanes; }

double channels_last_cycles(const Conv2dProblem& p) {
    return p.layout == Layout::nchw ? transpose_cycles : copy_cycles;
}

double pixels_of(const Segments& segments, const Range& group) {
    return static_cast<double>(segments.pixels_before(group.end) - segments.pixels_before(group.begin));
}

/// Cycles per output pixel of a block of `lanes` x `rows` channels.
double weight_pixel_cycles(const Conv2dProblem& p, const Conv2dWeightPlan& plan, const RegisterTiles& tiles,
                           std::int64_t lanes, std::int64_t rows) {
    const double taps = static_cast<double>(p.taps());
    if (plan.family == LaneFamily::pixels) {
        const double fill = static_cast<double>(p.out_width) / static_cast<double>(round_up(p.out_width, tiles.lanes));
        const double move = p.layout == Layout::nchw ? copy_cycles : transpose_cycles;
        return static_cast<double>(rows * lanes) * taps / tiles.lanes / 2 / fill +
               move * (static_cast<double>(rows) + static_cast<double>(lanes) * input_pixels(p));
    }
    return tile_slots(lanes, rows, plan.block_tiles.vectors, tiles) / 2 * taps +
           channels_last_cycles(p) *
               plan.elements_per_pixel(plan.side, static_cast<double>(round_up(lanes, tiles.lanes))) +
           copy_cycles * plan.elements_per_pixel(plan.row_side(), static_cast<double>(rows));
}

double weight_task_cycles(const Conv2dProblem& p, const Conv2dWeightPlan& plan, const RegisterTiles& tiles,
                          std::int64_t task) {
    const std::int64_t rows = plan.row_block(task % plan.row_blocks).size();
    const std::int64_t lanes = plan.lane_block(task / plan.row_blocks % plan.lane_blocks).size();
    const Range group = plan.segment_group(plan.segment_group_of(task));
    const double elements = static_cast<double>(lanes * rows * p.taps());
    // A block of G groups is joined G - 1 times, by whoever comes second, and written once.
    const double groups = static_cast<double>(plan.segment_groups);
    return weight_pixel_cycles(p, plan, tiles, lanes, rows) * pixels_of(plan.segments, group) +
           2 * elements / tiles.lanes * static_cast<double>(group.size()) +
           elements * (copy_cycles * (groups - 1) + transpose_cycles) / groups;
}

/// Input channels of a range of register tiles, padded where channels are lanes.
std::int64_t tile_lanes(const Conv2dProblem& p, const Conv2dInputPlan& plan, const Range& tiles_of) {
    const bool channels = plan.family == LaneFamily::channels;
    const std::int64_t width = channels ? plan.channel_tiles.width() : plan.row_channels;
    const std::int64_t all = channels ? plan.channel_tiles.padded() : p.in_channels;
    return std::min(all, tiles_of.end * width) - tiles_of.begin * width;
}

/// Cycles of some bands of a folding plan: the rows of grad_output that they meet, and those that they write.
double band_cycles(const Conv2dProblem& p, const Conv2dInputPlan& plan, const RegisterTiles& tiles,
                   const Range& blocks) {
    double met = 0;
    std::int64_t written = 0;
    for (std::int64_t b = blocks.begin; b < blocks.end; ++b) {
        const Range rows = input_block(p, plan, b).rows;
        met += plan.sums_shared ? static_cast<double>(band_vectors(p, plan, b).size() * plan.strip_lanes) /
                                      static_cast<double>(p.out_width)
                                : static_cast<double>(reaching_rows(p, rows).size());
        written += rows.size() * p.in_width * p.in_channels;
    }
    const double pixels_per_row = static_cast<double>(p.pixels_in()) / static_cast<double>(p.out_height);
    return fold_cost(p, tiles.lanes) * pixels_per_row * met + copy_cycles * static_cast<double>(written);
}

double input_task_cycles(const Conv2dProblem& p, const Conv2dInputPlan& plan, const RegisterTiles& tiles,
                         std::int64_t task) {
    constexpr double block_start = 500;
    const Conv2dInputPlan::Task part = plan.task(p, task);
    const Range channels = share(plan.channel_tile_count(p), plan.channel_groups, part.channel_group);
    const Range blocks = share(plan.blocks, plan.block_groups, part.block_group);
    if (plan.folded) return band_cycles(p, plan, tiles, blocks);
    if (plan.pointwise) return pointwise_cycles(p, plan, blocks, channels);
    const std::int64_t strides = p.stride_height * p.stride_width;
    const double products = static_cast<double>(p.out_channels * p.taps()) / static_cast<double>(strides);
    const double vectors = static_cast<double>(tile_lanes(p, plan, channels)) / tiles.lanes;
    double cycles = plan.in_pieces && plan.tasks_pack
                        ? own_weights_cycles(p, plan, channels.size()) *
                              static_cast<double>(ceil_div(blocks.size(), plan.blocks_at_once))
                        : 0;
    for (std::int64_t b = blocks.begin; b < blocks.end; ++b) {
        const InputBlock block = input_block(p, plan, b);
        const OutputWindow window = output_window(p, plan, block);
        const std::int64_t columns =
            plan.family == LaneFamily::pixels
                ? round_up(ceil_div(block.columns.size(), p.stride_width), tiles.lanes) * p.stride_width
                : block.columns.size();
        const std::int64_t images = block.images.size();
        const std::int64_t packed = images * window.rows.size() * window.columns.size() * p.out_channels;
        if (plan.family == LaneFamily::pixels && plan.tasks_pack)
            cycles += weight_copy_cycles * static_cast<double>(p.out_channels * p.taps()) * vectors * tiles.lanes;
        const double written =
            static_cast<double>(images * block.rows.size() * block.columns.size()) * vectors * tiles.lanes;
        cycles += static_cast<double>(images * block.rows.size() * columns) * products * vectors / 2 +
                  copy_cycles * static_cast<double>(packed) + block_start +
                  (plan.family == LaneFamily::channels ? channels_last_cycles(p) : copy_cycles) * written;
    }
    return cycles;
}

// Depthwise gradients, measured with f32 and AVX-512 on an AMD EPYC over layers of 7x7 to 112x112 pixels, strides 1 and
// 2, where estimates are 0.7 to 1.3 of the measured times.

/// Vectors of the rows of grad_output of some channels.
double row_vectors(const Conv2dProblem& p, const RegisterTiles& tiles, double pixels, std::int64_t channels) {
    const double vectors = static_cast<double>(ceil_div(p.out_width, tiles.lanes)) / static_cast<double>(p.out_width);
    return pixels * vectors * static_cast<double>(channels);
}

/// FMAs of a unit and pixel.
double unit_products(const Conv2dProblem& p, const Conv2dDepthwisePlan& plan) {
    return static_cast<double>(p.taps() * plan.group_channels * plan.vectors());
}

/// The sums of grad_weight over some pixels: planes cost by vectors of columns, all else by vectors of channels.
double depthwise_sum_cycles(const Conv2dProblem& p, const Conv2dDepthwisePlan& plan, double pixels,
                            double plane_vectors, double units, std::int64_t segments) {
    const double taps = static_cast<double>(p.taps()), strides = static_cast<double>(p.stride_height * p.stride_width);
    if (plan.over_planes) return plane_vectors * (taps / 2 + 1.8 + 2.2 * strides);
    if (plan.over_rows) return pixels * units * (taps / 2 + 2 + 3 * strides);
    constexpr double segment_cycles = 20;  // per tap: sums are begun and added
    return units * unit_products(p, plan) * (0.7 * pixels + segment_cycles * static_cast<double>(segments));
}

double depthwise_input_cycles(const Conv2dProblem& p, const Conv2dDepthwisePlan& plan, double pixels,
                              double plane_vectors, double units) {
    const double taps = static_cast<double>(p.taps()), strides = static_cast<double>(p.stride_height * p.stride_width);
    if (plan.input_over_rows) return pixels * units * (taps / 2 + 6 + 3.3 * strides);
    return plan.input_planes.empty() ? pixels * units * unit_products(p, plan) / 2
                                     : plane_vectors * (taps / 2 + 5.8 + 1.7 * strides);
}

double depthwise_panel_cycles(const Conv2dProblem& p, const Conv2dDepthwisePlan& plan, double pixels, double units) {
    // Channels last, rows are copied in pieces of one vector, out of every pixel.
    constexpr double of_output = 0.4, of_input_nchw = 0.4, of_input_nhwc = 0.58;
    const double of_input = p.layout == Layout::nchw ? of_input_nchw : of_input_nhwc;
    const bool target = plan.gradients.input && plan.input_planes.empty() && !plan.input_over_rows;
    const double strides = static_cast<double>(p.stride_height * p.stride_width);
    // Rows that no tap meets are not packed.
    const double met = strides / static_cast<double>(std::gcd(p.stride_height, p.dilation_height));
    const double panels = of_output * int{target || plan.sums_from_panels()} +
                          of_input * (strides * int{target} + met * int{plan.input_panels()});
    return pixels * units * panels * static_cast<double>(plan.unit_channels);
}

double depthwise_task_cycles(const Conv2dProblem& p, const Conv2dDepthwisePlan& plan, const RegisterTiles& tiles,
                             std::int64_t task) {
    const Range block = plan.unit_block(task % plan.unit_blocks);
    const Range group = plan.segment_group(task / plan.unit_blocks);
    const double units = static_cast<double>(block.size()), pixels = pixels_of(plan.segments, group);
    const double plane_vectors = row_vectors(p, tiles, pixels, plan.unit_range(block).size());
    // A block's partial sums are joined by whoever comes second, and its total is written.
    double cycles = plan.sums() ? copy_cycles * static_cast<double>(plan.partial_elements()) : 0;
    if (plan.gradients.weight) cycles += depthwise_sum_cycles(p, plan, pixels, plane_vectors, units, group.size());
    if (plan.gradients.input) cycles += depthwise_input_cycles(p, plan, pixels, plane_vectors, units);
    return cycles + depthwise_panel_cycles(p, plan, pixels, units);
}

double bias_task_cycles(const Conv2dProblem& p, const Conv2dBiasPlan& plan, std::int64_t task) {
    const Range group = plan.segment_group(task / plan.channel_blocks % plan.segment_groups);
    const Range channels = plan.channel_block(p, task % plan.channel_blocks);
    return copy_cycles * pixels_of(plan.segments, group) * static_cast<double>(channels.size());
}

double main_task_cycles(const Conv2dProblem& p, const Conv2dPlan& plan, const RegisterTiles& tiles,
                        const OrderedTask& ordered) {
    switch (static_cast<MainTasks>(ordered.list)) {
        case MainTasks::weight:
            return weight_task_cycles(plan.weight->problem, *plan.weight, tiles, ordered.task);
        case MainTasks::bias:
            return bias_task_cycles(p, *plan.bias, ordered.task);
        case MainTasks::depthwise:
            return depthwise_task_cycles(p, *plan.depthwise, tiles, ordered.task);
        case MainTasks::input:
            break;
    }
    return input_task_cycles(p, *plan.input, tiles, ordered.task);
}

/// The packing of the weights: equal tasks, whose elements are read and written.
PhaseWork pack_phase(const Conv2dProblem& p, const Conv2dPlan& plan, const RegisterTiles& tiles,
                     std::size_t element_bytes) {
    const double elements = static_cast<double>(p.weight_elements() + plan.shared.packed_weights);
    const double cycles = (p.taps() == 1 ? copy_cycles : split_cycles / 2) * elements;
    const double each = cycles / static_cast<double>(plan.pack_tasks());
    return {std::vector<double>(static_cast<std::size_t>(plan.pack_tasks()), each * flops_per_cycle(tiles)),
            elements * static_cast<double>(element_bytes)};
}

/// Elements that the main phase reads and writes, each once but for partial sums, which are written and read.
double main_elements(const Conv2dProblem& p, const Conv2dPlan& plan) {
    const bool reads_input = plan.weight || (plan.depthwise && plan.depthwise->gradients.weight);
    const bool writes_input = plan.input || (plan.depthwise && plan.depthwise->gradients.input);
    const std::int64_t tensors = int{reads_input} + int{writes_input};
    const bool reads_weights = (plan.input && plan.pack_tasks() == 0) || (plan.depthwise && writes_input);
    return static_cast<double>(p.output_elements() + tensors * p.input_elements() + plan.shared.packed_weights +
                               (int{reads_input} + int{reads_weights}) * p.weight_elements() +
                               2 * plan.shared.partials());
}

}  // namespace

Work conv2d_work(const Conv2dProblem& p, const Conv2dPlan& plan, const RegisterTiles& tiles,
                 std::size_t element_bytes) {
    const std::int64_t partials = plan.shared.partials();
    PhaseWork sums;
    sums.bytes = main_elements(p, plan) * static_cast<double>(element_bytes);
    for (const OrderedTask& task : plan.main_tasks)
        sums.flops.push_back(main_task_cycles(p, plan, tiles, task) * flops_per_cycle(tiles));
    Work work;
    if (plan.pack_tasks() > 0) work.phases.push_back(pack_phase(p, plan, tiles, element_bytes));
    work.phases.push_back(std::move(sums));
    work.flops_per_cycle = flops_per_cycle(tiles);
    work.partial_bytes = partials * static_cast<std::int64_t>(element_bytes);
    return work;
}

}  // namespace backgrad::plan
