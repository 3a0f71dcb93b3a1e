#include "ops/conv2d_weight.hpp"

#include "ops/conv2d_bias.hpp"
#include "ops/conv2d_weight_channels.hpp"
#include "ops/conv2d_weight_pixels.hpp"

#include <algorithm>
#include <utility>

namespace backgrad::ops {

namespace {

using kernels::Finish;
using plan::Conv2dWeightPlan;
using plan::LaneFamily;
using plan::LaneSide;
using plan::Range;

using Block = Conv2dWeightPlan::Block;

plan::LaneTiles tiles_of(const Conv2dWeightPlan& plan, const Block& block) {
    plan::LaneTiles tiles = plan.block_tiles;
    tiles.size = plan.lane_block(block.lanes).size();
    return tiles;
}

/// Independent parts of a block's total: lane tiles, or output channels where pixels are lanes.
std::int64_t part_count(const Conv2dWeightPlan& plan, const Block& block) {
    return plan.family != LaneFamily::pixels ? tiles_of(plan, block).count() : plan.row_block(block.rows).size();
}

/// The stretch of the total that a part occupies.
Range part_stretch(const Conv2dWeightPlan& plan, const Block& block, std::int64_t part) {
    const plan::Conv2dProblem& p = plan.problem;
    const Range rows = plan.row_block(block.rows);
    if (plan.family == LaneFamily::pixels) {
        const std::int64_t size = p.in_channels * p.taps();
        return {part * size, (part + 1) * size};
    }
    const plan::LaneTiles tiles = tiles_of(plan, block);
    const std::int64_t begin = part * tiles.width() * rows.size() * p.taps();
    return {begin, begin + tiles.vectors_of(part) * tiles.lanes * rows.size() * p.taps()};
}

/// Writes a lane tile [kernel row][kernel column and channel][lane] into an OIHW weight, from the tile's first lane on.
template <class T>
void write_kernel_rows(const Conv2dContext<T>& context, const Range& rows, std::int64_t width, std::int64_t lanes,
                       const T* total, T* weight, Finish finish) {
    const plan::Conv2dProblem& p = context.problem;
    const std::int64_t in = p.in_channels;
    for (std::int64_t i = 0; i < in; ++i) {
        const auto columns_before = [&](std::int64_t row) {
            return plan::ceil_div(std::max<std::int64_t>(0, row - i), in);
        };
        const Range columns{columns_before(rows.begin), columns_before(rows.end)};
        for (std::int64_t r = 0; r < p.kernel_height; ++r)
            context.kernels.pack->transpose_out(
                total + (r * rows.size() + columns.begin * in + i - rows.begin) * width, in * width, columns.size(),
                lanes, weight + (i * p.kernel_height + r) * p.kernel_width + columns.begin, in * p.taps(), finish);
    }
}

/// Writes lanes that are inputs of one row r of the kernel, [row][kernel column and channel], column by column.
template <class T>
void write_input_columns(const Conv2dContext<T>& context, std::int64_t rows, std::int64_t width, const Range& lanes,
                         std::int64_t r, const T* total, T* weight, Finish finish) {
    const plan::Conv2dProblem& p = context.problem;
    const std::int64_t in = p.in_channels, taps = p.taps();
    for (std::int64_t begin = lanes.begin, end; begin < lanes.end; begin = end) {
        end = std::min(lanes.end, (begin / in + 1) * in);
        context.kernels.pack->copy_out(total + begin - lanes.begin, width, rows, end - begin,
                                       weight + begin % in * taps + r * p.kernel_width + begin / in, in * taps, taps,
                                       finish);
    }
}

/// The same where lanes are the inputs of a kernel row: [kernel row][row][kernel column and channel], from `lanes` on.
template <class T>
void write_row_inputs(const Conv2dContext<T>& context, std::int64_t rows, std::int64_t width, const Range& lanes,
                      const T* total, T* weight, Finish finish) {
    const plan::Conv2dProblem& p = context.problem;
    const std::int64_t in = p.in_channels, taps = p.taps();
    // Many columns of few channels are written row by row: a column of all rows would lie in as many cache lines.
    const Range columns{plan::ceil_div(lanes.begin, in), in < p.kernel_width ? lanes.end / in : 0};
    const Range head{lanes.begin, columns.size() > 0 ? columns.begin * in : lanes.end};
    const Range tail{columns.size() > 0 ? columns.end * in : lanes.end, lanes.end};
    for (std::int64_t r = 0; r < p.kernel_height; ++r) {
        const T* const from = total + r * rows * width;
        for (const Range& part : {head, tail})
            write_input_columns(context, rows, width, part, r, from + part.begin - lanes.begin, weight, finish);
        for (std::int64_t o = 0; o < rows && columns.size() > 0; ++o)
            context.kernels.pack->transpose_out(from + o * width + head.size(), in, columns.size(), in,
                                                weight + o * in * taps + r * p.kernel_width + columns.begin, taps,
                                                finish);
    }
}

/// Writes a lane tile [tap][row][lane] into the weight's layout.
template <class T>
void write_lane_tile(const Conv2dContext<T>& context, const Conv2dWeightPlan& plan, const Block& block,
                     std::int64_t tile, const T* total, Finish finish) {
    const plan::Conv2dProblem& p = plan.problem;
    const auto& pack = *context.kernels.pack;
    const plan::LaneTiles tiles = tiles_of(plan, block);
    const Range rows = plan.row_block(block.rows);
    const std::int64_t width = std::int64_t(tiles.vectors_of(tile)) * tiles.lanes, taps = p.taps();
    const std::int64_t first = plan.lane_block(block.lanes).begin + tile * tiles.width();
    const std::int64_t lanes = std::min(width, plan.lane_channels - first), in = p.in_channels;
    T* weight = context.arguments.grad_weight + block.group * p.out_channels * in * taps;
    if (plan.family == LaneFamily::kernel_rows && !p.weight_ohwi) {
        if (plan.side == LaneSide::input)
            return write_row_inputs(context, rows.size(), width, {first, first + lanes}, total,
                                    weight + rows.begin * in * taps, finish);
        write_kernel_rows(context, rows, width, lanes, total, weight + first * in * taps, finish);
    } else if (plan.side == LaneSide::grad_output) {
        if (p.weight_ohwi || taps == 1) {
            for (std::int64_t tap = 0; tap < taps; ++tap)
                pack.transpose_out(total + tap * rows.size() * width, width, rows.size(), lanes,
                                   weight + (first * taps + tap) * in + rows.begin, taps * in, finish);
        } else {
            for (std::int64_t i = 0; i < rows.size(); ++i)
                pack.transpose_out(total + i * width, rows.size() * width, taps, lanes,
                                   weight + (first * in + rows.begin + i) * taps, in * taps, finish);
        }
    } else if (p.weight_ohwi || taps == 1) {
        for (std::int64_t tap = 0; tap < taps; ++tap)
            pack.copy_out(total + tap * rows.size() * width, width, rows.size(), lanes,
                          weight + (rows.begin * taps + tap) * in + first, taps * in, 1, finish);
    } else {
        for (std::int64_t o = 0; o < rows.size(); ++o)
            pack.transpose_out(total + o * width, rows.size() * width, taps, lanes,
                               weight + ((rows.begin + o) * in + first) * taps, taps, finish);
    }
}

/// Writes the sums of an input channel of exchanged operands, [output channel][tap of the rotated kernel].
template <class T>
void write_input_channel(const Conv2dContext<T>& context, const Block& block, std::int64_t channel, const T* total,
                         Finish finish) {
    const plan::Conv2dProblem& p = context.problem;
    const std::int64_t in = p.in_channels, taps = p.taps();
    T* weight = context.arguments.grad_weight + block.group * p.out_channels * in * taps;
    weight += p.weight_ohwi ? (taps - 1) * in + channel : channel * taps + taps - 1;
    context.kernels.pack->copy_out(total, taps, p.out_channels, taps, weight, in * taps, p.weight_ohwi ? -in : -1,
                                   finish);
}

/// Writes one output channel's [input channel][tap].
template <class T>
void write_output_channel(const Conv2dContext<T>& context, const Conv2dWeightPlan& plan, const Block& block,
                          std::int64_t channel, const T* total, Finish finish) {
    const plan::Conv2dProblem& p = context.problem;
    const auto& pack = *context.kernels.pack;
    const std::int64_t size = p.in_channels * p.taps();
    T* weight = context.arguments.grad_weight +
                (block.group * p.out_channels + plan.row_block(block.rows).begin + channel) * size;
    if (p.weight_ohwi) pack.transpose_out(total, p.taps(), p.in_channels, p.taps(), weight, p.in_channels, finish);
    else pack.copy_out(total, size, 1, size, weight, size, 1, finish);
}

template <class T>
void write_part(const Conv2dContext<T>& context, const Conv2dWeightPlan& plan, const WeightOutputs<T>& outputs,
                const Block& block, std::int64_t part, const T* total) {
    const T* stretch = total + part_stretch(plan, block, part).begin;
    const Finish finish = finish_of(outputs.weight_mode);
    if (plan.family != LaneFamily::pixels) write_lane_tile(context, plan, block, part, stretch, finish);
    else if (plan.exchanged)
        write_input_channel(context, block, plan.row_block(block.rows).begin + part, stretch, finish);
    else write_output_channel(context, plan, block, part, stretch, finish);
}

template <class T>
void write_bias(const Conv2dContext<T>& context, const Conv2dWeightPlan& plan, const WeightOutputs<T>& outputs,
                const Block& block, const T* total) {
    const Range channels = plan.output_channels(block.lanes, block.rows);
    context.kernels.pack->copy_out(
        total, channels.size(), 1, channels.size(),
        context.arguments.grad_bias + block.group * context.problem.out_channels + channels.begin, channels.size(), 1,
        finish_of(outputs.bias_mode));
}

template <class T>
void write_block(const Conv2dContext<T>& context, const Conv2dWeightPlan& plan, const WeightOutputs<T>& outputs,
                 const Block& block, const T* total) {
    if (outputs.weight)
        for (std::int64_t part = 0; part < part_count(plan, block); ++part)
            write_part(context, plan, outputs, block, part, total);
    if (outputs.bias && plan.has_bias(block.lanes, block.rows))
        write_bias(context, plan, outputs, block, total + plan.bias_offset());
}

/// Sums a block's share of the segments.
template <class T>
void sum_block(const Conv2dContext<T>& context, const Conv2dWeightPlan& plan, const Block& block, T* sums, T* bias,
               Scratch<T> scratch) {
    if (plan.family != LaneFamily::pixels) return weight_channels_task(context, plan, block, sums, bias, scratch);
    if (!plan.exchanged) return weight_pixels_task(context, plan, block, sums, bias, scratch);
    plan::Conv2dProblem problem = plan.problem;
    problem.batch = context.problem.batch;
    Conv2dBackwardArguments<T> arguments = context.arguments;
    std::swap(arguments.grad_output, arguments.input);
    const Conv2dContext<T> exchanged{problem, context.kernels, arguments, context.first_image, context.ahead};
    weight_pixels_task(exchanged, plan, block, sums, bias, scratch);
}

/// Joins a block's partial sums as far as they are finished; returns the total once it is, else null.
template <class T>
const T* join_block(const Conv2dContext<T>& context, const Conv2dWeightPlan& plan, const WeightOutputs<T>& outputs,
                    const Block& block) {
    const auto counter = [&](std::int64_t segment_group) {
        return plan.task({block.group, segment_group, block.lanes, block.rows});
    };
    const auto partial = [&](std::int64_t segment_group) {
        return outputs.partials + counter(segment_group) * plan.partial_elements();
    };
    const std::int64_t weights = part_stretch(plan, block, part_count(plan, block) - 1).end;
    const bool with_bias = outputs.bias && plan.has_bias(block.lanes, block.rows);
    const std::int64_t channels = plan.output_channels(block.lanes, block.rows).size();
    const auto add = [&](std::int64_t left, std::int64_t right) {
        const auto& pack = *context.kernels.pack;
        add_stretch(pack, partial(right), weights, partial(left));
        if (!with_bias) return;
        add_stretch(pack, partial(right) + plan.bias_offset(), channels, partial(left) + plan.bias_offset());
    };
    return join_finished(outputs.arrivals, plan.segment_groups, block.segment_group, counter, add) ? partial(0)
                                                                                                   : nullptr;
}

}  // namespace

template <class T>
void weight_task(const Conv2dContext<T>& context, const Conv2dWeightPlan& plan, const WeightOutputs<T>& outputs,
                 std::int64_t task, Scratch<T> scratch) noexcept {
    const Block block = plan.block(task);
    T* sums =
        outputs.partials ? outputs.partials + task * plan.partial_elements() : scratch.take(plan.partial_elements());
    T* bias = outputs.bias && plan.has_bias(block.lanes, block.rows) ? sums + plan.bias_offset() : nullptr;
    sum_block(context, plan, block, sums, bias, scratch);
    if (!context.ends(plan.segments, plan.segment_group(block.segment_group))) return;
    const T* const total = outputs.partials ? join_block(context, plan, outputs, block) : sums;
    if (total) write_block(context, plan, outputs, block, total);
}

template void weight_task<float>(const Conv2dContext<float>&, const Conv2dWeightPlan&, const WeightOutputs<float>&,
                                 std::int64_t, Scratch<float>) noexcept;
template void weight_task<double>(const Conv2dContext<double>&, const Conv2dWeightPlan&, const WeightOutputs<double>&,
                                  std::int64_t, Scratch<double>) noexcept;

}  // namespace backgrad::ops
