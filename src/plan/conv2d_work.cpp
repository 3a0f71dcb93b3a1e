#include "plan/conv2d_work.hpp"

#include "plan/conv2d_fold_plan.hpp"
#include "plan/conv2d_input_blocks.hpp"
#include "plan/move_cycles.hpp"

#include <algorithm>

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
    const bool from_output = plan.side == LaneSide::grad_output;
    const double lane_move = channels_last_cycles(p) * static_cast<double>(round_up(lanes, tiles.lanes));
    const double row_move = copy_cycles * static_cast<double>(rows);
    return tile_slots(lanes, rows, plan.block_tiles.vectors, tiles) / 2 * taps +
           lane_move * (from_output ? 1 : input_pixels(p)) + row_move * (from_output ? input_pixels(p) : 1);
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
        const std::int64_t packed = window.rows.size() * window.columns.size() * p.out_channels;
        if (plan.family == LaneFamily::pixels && plan.tasks_pack)
            cycles += copy_cycles * static_cast<double>(p.out_channels * p.taps()) * vectors * tiles.lanes;
        const double written = static_cast<double>(block.rows.size() * block.columns.size()) * vectors * tiles.lanes;
        cycles += static_cast<double>(block.rows.size() * columns) * products * vectors / 2 +
                  copy_cycles * static_cast<double>(packed) + block_start +
                  (plan.family == LaneFamily::channels ? channels_last_cycles(p) : copy_cycles) * written;
    }
    return cycles;
}

double depthwise_task_cycles(const Conv2dProblem& p, const Conv2dDepthwisePlan& plan, std::int64_t task) {
    const double units = static_cast<double>(plan.unit_block(task % plan.unit_blocks).size());
    const double pixels = pixels_of(plan.segments, plan.segment_group(task / plan.unit_blocks));
    const double strides = static_cast<double>(p.stride_height * p.stride_width);
    const int gradients = int{plan.gradients.input} + int{plan.gradients.weight};
    const double panels = int{plan.source_panels()} + strides * (int{plan.gradients.input} + int{plan.input_panels()});
    // A block's partial sums are joined by whoever comes second, and its total is written.
    const double joined = plan.sums() ? copy_cycles * static_cast<double>(plan.partial_elements()) : 0;
    return pixels * units *
               (static_cast<double>(p.taps()) * gradients / 2 +
                channels_last_cycles(p) * panels * static_cast<double>(plan.unit_channels)) +
           joined;
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
            return depthwise_task_cycles(p, *plan.depthwise, ordered.task);
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
