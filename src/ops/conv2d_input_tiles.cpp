#include "ops/conv2d_input_tiles.hpp"

#include <algorithm>

namespace backgrad::ops {

using kernels::Finish;
using kernels::Run;
using plan::Conv2dInputPlan;
using plan::LaneFamily;
using plan::Range;

namespace {

/// True if a tap reaches grad_output from a position of grad_input, by its phase.
bool any_tap_meets(std::int64_t position, std::int64_t taps, std::int64_t dilation, std::int64_t stride) {
    for (std::int64_t tap = 0; tap < taps; ++tap)
        if ((position - tap * dilation) % stride == 0) return true;
    return false;
}

/// How the weights of a tile are ordered: packed, in units of the tile's width, or copied as they lie, in elements.
struct WeightOrder {
    std::int64_t output = 0;  ///< between copied output channels; 0 where they are packed
    bool reversed = false;    ///< copied: a rotated kernel is the adjoint of the kernel read backwards

    /// Of the first of `size` output channels, counted from the first that is there.
    std::int64_t at(const plan::Conv2dProblem& p, std::int64_t channel, std::int64_t size, std::int64_t tap) const {
        if (output == 0) return packed_unit(p, channel, size, tap);
        return channel * output + (reversed ? p.taps() - 1 - tap : tap);
    }
    /// From one output channel to the next.
    std::int64_t step() const { return output == 0 ? 1 : output; }
};

/// Lists the terms of the pixels (y, x + j * stride_width) over some output channels, whose weights come first: j
/// shifts the panel column by one. With `exact`, taps whose grad_output lies outside the tensor at j = 0 are left out;
/// otherwise the panel's zeros stand in for them.
template <class T>
std::int64_t list_runs(const plan::Conv2dProblem& p, const Conv2dInputPlan& plan, const InputPanel<T>& panel,
                       std::int64_t y, std::int64_t x, bool exact, Range outputs, const WeightOrder& order, Run* runs) {
    std::int64_t count = 0;
    if (!any_tap_meets(y + p.padding_top, p.kernel_height, p.dilation_height, p.stride_height) ||
        !any_tap_meets(x + p.padding_left, p.kernel_width, p.dilation_width, p.stride_width))
        return 0;
    const bool lanes_are_weights = plan.family == LaneFamily::channels;
    const auto offset_of_weights = [=](const Run& run) {
        return lanes_are_weights ? run.lane_offset : run.broadcast_offset;
    };
    const auto offset_of_values = [=](const Run& run) {
        return lanes_are_weights ? run.broadcast_offset : run.lane_offset;
    };
    for (std::int64_t channel = outputs.begin; channel < outputs.end; channel += Conv2dInputPlan::channel_block) {
        const std::int64_t size = std::min(Conv2dInputPlan::channel_block, p.out_channels - channel);
        for (std::int64_t r = 0; r < p.kernel_height; ++r) {
            const std::int64_t up = y + p.padding_top - r * p.dilation_height;
            if (up % p.stride_height != 0) continue;
            const std::int64_t out_y = plan::floor_div(up, p.stride_height);
            const bool outside = out_y < 0 || out_y >= p.out_height;
            // Rows of zeros are worth multiplying where a tile has several rows.
            if (outside && (exact || plan.family == LaneFamily::channels)) continue;
            for (std::int64_t c = 0; c < p.kernel_width; ++c) {
                const std::int64_t left = x + p.padding_left - c * p.dilation_width;
                if (left % p.stride_width != 0) continue;
                const std::int64_t out_x = left / p.stride_width;
                if (exact && (out_x < 0 || out_x >= p.out_width)) continue;
                const std::int64_t tap = r * p.kernel_width + c;
                const std::int64_t weights = order.at(p, channel - outputs.begin, size, tap);
                const std::int64_t values = panel.offset(out_y, out_x, channel);
                // With one tap the next block of channels goes on where the last one ended.
                const bool goes_on =
                    count > 0 && offset_of_weights(runs[count - 1]) + runs[count - 1].count * order.step() == weights &&
                    offset_of_values(runs[count - 1]) + runs[count - 1].count * panel.channel == values;
                if (goes_on) runs[count - 1].count += size;
                else runs[count++] = lanes_are_weights ? Run{weights, values, size} : Run{values, weights, size};
            }
        }
    }
    return count;
}

/// Rows of a block that share a row phase: first, first + stride_height, ...
struct PhaseRows {
    std::int64_t first, count;
};

PhaseRows phase_rows(const plan::Conv2dProblem& p, const plan::InputBlock& block, std::int64_t phase) {
    const std::int64_t rows = block.rows.size();
    return {block.rows.begin + phase, rows > phase ? plan::ceil_div(rows - phase, p.stride_height) : 0};
}

}  // namespace

template <class T>
void channel_tile(const BlockWork<T>& work, Range channels, Range outputs, const T* weights) {
    const plan::Conv2dProblem& p = work.context.problem;
    const kernels::TileKernels<T>& tile = *work.context.kernels.tile;
    const std::int64_t width = packed_width(work.plan, channels);
    const std::int64_t weight_step = work.plan.weights_in_place ? p.in_channels : width;
    const int vectors = static_cast<int>(width / tile.lanes);
    const bool begins = outputs.begin == 0, ends = outputs.end == p.out_channels;
    const bool in_place = p.layout == Layout::nhwc && ends;
    const int last_lanes = in_place ? static_cast<int>(channels.size() - (width - tile.lanes)) : tile.lanes;
    const std::int64_t limit = work.exact ? 1 : tile.rows_limit[vectors];
    const std::int64_t columns = work.block.columns.size(), pixel = in_place ? work.grad_input.pixel : width;

    for (std::int64_t y = work.block.rows.begin; y < work.block.rows.end; ++y)
        for (std::int64_t phase = 0; phase < p.stride_width; ++phase) {
            const std::int64_t size = work.phase_columns(phase), parts = plan::ceil_div(size, limit);
            const std::int64_t first = work.block.columns.begin + phase;
            std::int64_t count = 0;
            if (!work.exact) count = list_runs(p, work.plan, work.panel, y, first, false, outputs, {}, work.runs);
            T* staged = work.staging + ((y - work.block.rows.begin) * columns + phase) * width;
            T* row = in_place ? work.grad_input.at(work.block.image, channels.begin, y, first) : staged;
            for (std::int64_t i = 0; i < parts; ++i) {
                const Range part = plan::share(size, parts, i);
                std::int64_t shift = part.begin;
                if (work.exact) {
                    count = list_runs(p, work.plan, work.panel, y, first + part.begin * p.stride_width, true, outputs,
                                      {}, work.runs);
                    shift = 0;
                }
                const std::int64_t pixels_before = part.begin * p.stride_width;
                const kernels::TileOperands<T> operands{weights,
                                                        weight_step,
                                                        weight_step,
                                                        tile.lanes,
                                                        work.panel.data + shift * work.panel.column,
                                                        1,
                                                        work.panel.channel,
                                                        work.panel.column,
                                                        work.runs,
                                                        count,
                                                        work.prefetch,
                                                        begins ? nullptr : staged + pixels_before * width,
                                                        p.stride_width * width};
                tile.function[vectors][part.size()](
                    operands, {row + pixels_before * pixel, p.stride_width * pixel, tile.lanes, tile.lanes, last_lanes,
                               in_place ? work.finish : Finish::store});
            }
        }
    if (in_place || !ends) return;
    const bool whole_rows = columns == p.in_width;
    const std::int64_t steps = whole_rows ? 1 : work.block.rows.size();
    const std::int64_t pixels = whole_rows ? work.block.rows.size() * columns : columns;
    for (std::int64_t i = 0; i < steps; ++i)
        work.context.kernels.pack->transpose_out(
            work.staging + i * columns * width, width, pixels, channels.size(),
            work.grad_input.at(work.block.image, channels.begin, work.block.rows.begin + i, work.block.columns.begin),
            work.grad_input.channel, work.finish);
}

template <class T>
void pixel_tile(const BlockWork<T>& work, Range channels, const T* weights) {
    const plan::Conv2dProblem& p = work.context.problem;
    const kernels::TileKernels<T>& tile = *work.context.kernels.tile;
    const Range all{0, p.out_channels};
    const bool in_place = p.layout == Layout::nchw && p.stride_width == 1;
    const bool along_rows = work.exact || work.plan.vectors_are_rows;
    const bool copied = work.plan.tasks_pack;
    const WeightOrder order = copied ? WeightOrder{channels.size() * p.taps(), p.rotated_kernel} : WeightOrder{};
    const std::int64_t rows = channels.size(), most = work.exact ? 1 : work.plan.pixel_vectors;
    const std::int64_t step = work.exact ? 1 : along_rows ? tile.lanes : most * tile.lanes;

    for (std::int64_t row_phase = 0; row_phase < p.stride_height; ++row_phase)
        for (std::int64_t phase = 0; phase < p.stride_width; ++phase) {
            const PhaseRows lines = phase_rows(p, work.block, row_phase);
            const std::int64_t size = work.phase_columns(phase), first = work.block.columns.begin + phase;
            const std::int64_t staging_line = plan::round_up(size, tile.lanes);
            const std::int64_t parts = plan::ceil_div(lines.count, along_rows ? most : 1);
            for (std::int64_t part = 0; part < (size > 0 ? parts : 0); ++part) {
                const Range some = plan::share(lines.count, parts, part);
                const std::int64_t y = lines.first + some.begin * p.stride_height;
                T* line = work.grad_input.at(work.block.image, channels.begin, y, first);
                T* to = in_place ? line : work.staging;
                const std::int64_t to_row = in_place ? work.grad_input.channel : some.size() * staging_line;
                const std::int64_t to_line = in_place ? p.stride_height * work.grad_input.row : staging_line;
                std::int64_t count = 0;
                if (!work.exact) count = list_runs(p, work.plan, work.panel, y, first, false, all, order, work.runs);
                for (std::int64_t x = 0; x < size; x += step) {
                    if (work.exact)
                        count = list_runs(p, work.plan, work.panel, y, first + x * p.stride_width, true, all, order,
                                          work.runs);
                    const std::int64_t width = std::min(step, size - x);
                    const std::int64_t vectors = along_rows ? some.size() : plan::ceil_div(width, tile.lanes);
                    const int last = static_cast<int>(along_rows ? width : width - (vectors - 1) * tile.lanes);
                    const kernels::TileOperands<T> operands{work.panel.data + (work.exact ? 0 : x),
                                                            1,
                                                            work.panel.channel,
                                                            along_rows ? work.panel.row : tile.lanes,
                                                            weights,
                                                            copied ? 1 : rows,
                                                            copied ? order.output : rows,
                                                            copied ? p.taps() : 1,
                                                            work.runs,
                                                            count,
                                                            work.prefetch};
                    tile.function[vectors][rows](
                        operands, {to + x, to_row, along_rows ? to_line : tile.lanes, along_rows ? last : tile.lanes,
                                   last, in_place ? work.finish : Finish::store});
                }
                for (std::int64_t v = 0; v < (in_place ? 0 : some.size()); ++v)
                    work.context.kernels.pack->copy_out(work.staging + v * staging_line, to_row, rows, size,
                                                        line + v * p.stride_height * work.grad_input.row,
                                                        work.grad_input.channel, p.stride_width * work.grad_input.pixel,
                                                        work.finish);
            }
        }
}

template void channel_tile(const BlockWork<float>&, Range, Range, const float*);
template void channel_tile(const BlockWork<double>&, Range, Range, const double*);
template void pixel_tile(const BlockWork<float>&, Range, const float*);
template void pixel_tile(const BlockWork<double>&, Range, const double*);

}  // namespace backgrad::ops
