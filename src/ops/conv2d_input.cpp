#include "ops/conv2d_input.hpp"

#include "ops/conv2d_input_pointwise.hpp"
#include "ops/conv2d_prefetch.hpp"

#include <algorithm>

namespace backgrad::ops {

namespace {

using kernels::Finish;
using kernels::Run;
using plan::Conv2dInputPlan;
using plan::LaneFamily;
using plan::Range;

/// Input channels of one tile.
Range tile_channels(const plan::Conv2dProblem& p, const Conv2dInputPlan& plan, std::int64_t tile) {
    if (plan.family == LaneFamily::pixels) return plan::share(p.in_channels, plan.channel_tile_count(p), tile);
    const std::int64_t begin = tile * plan.channel_tiles.width();
    return {begin, std::min(p.in_channels, begin + plan.channel_tiles.width())};
}

/// Width of a tile in the packed weights: whole vectors where channels are lanes.
std::int64_t packed_width(const Conv2dInputPlan& plan, Range channels) {
    return plan.family == LaneFamily::channels ? plan::round_up(channels.size(), plan.channel_tiles.lanes)
                                               : channels.size();
}

/// Offset, in units of the tile's width, of (output channel block that begins at `channel`, tap) in a packed tile. The
/// order is the order of the sum: block, kernel row, kernel column, channel.
std::int64_t packed_unit(const plan::Conv2dProblem& p, std::int64_t channel, std::int64_t size, std::int64_t tap) {
    return channel * p.taps() + tap * size;
}

/// The grad_output panel of a block: [row][channel][column] from NCHW and wherever pixels are lanes, else
/// [row][column][channel]. Columns outside the tensor are zero.
template <class T>
struct Panel {
    T* data;
    plan::OutputWindow window;
    std::int64_t row, column, channel;  ///< strides

    std::int64_t offset(std::int64_t y, std::int64_t x, std::int64_t c) const {
        return (y - window.rows.begin) * row + (x - window.columns.begin) * column + c * channel;
    }
};

/// Clears what a panel holds beside the given rows and columns.
template <class T>
void clear_around(const kernels::PackKernels<T>& pack, const Panel<T>& panel, Range rows, Range columns,
                  std::int64_t channels) {
    const plan::OutputWindow& window = panel.window;
    const std::int64_t x = window.columns.begin, left = columns.begin - x, right = window.columns.end - columns.end;
    pack.clear(panel.data, (rows.begin - window.rows.begin) * panel.row);
    pack.clear(panel.data + panel.offset(rows.end, x, 0), (window.rows.end - rows.end) * panel.row);
    for (std::int64_t y = rows.begin; y < rows.end; ++y) {
        T* begin = panel.data + panel.offset(y, x, 0);
        T* end = panel.data + panel.offset(y, columns.end, 0);
        if (panel.channel == 1) {
            pack.clear(begin, left * channels);
            pack.clear(end, right * channels);
        } else {
            pack.clear_columns(begin, panel.channel, channels, left);
            pack.clear_columns(end, panel.channel, channels, right);
        }
    }
}

template <class T>
Panel<T> pack_panel(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t group,
                    const plan::InputBlock& block, T* data) {
    const plan::Conv2dProblem& p = context.problem;
    const auto& pack = *context.kernels.pack;
    const TensorView<const T> grad_output = context.grad_output(group);
    const plan::OutputWindow window = plan::output_window(p, plan, block);
    const std::int64_t columns = window.columns.size();
    const bool channels_last = p.layout == Layout::nhwc && plan.family == LaneFamily::channels;
    const Panel<T> panel{data, window, columns * p.out_channels, channels_last ? p.out_channels : 1,
                         channels_last ? 1 : columns};
    const Range valid{std::max<std::int64_t>(0, window.columns.begin), std::min(p.out_width, window.columns.end)};
    const Range rows{std::max<std::int64_t>(0, window.rows.begin), std::min(p.out_height, window.rows.end)};
    // Single elements at the ends of short rows would cost more than clearing the rows.
    constexpr std::int64_t long_row = 128;
    const bool padded = valid.size() < columns || rows.size() < window.rows.size();
    if (padded && valid.size() >= long_row) clear_around(pack, panel, rows, valid, p.out_channels);
    else if (padded) pack.clear(data, window.rows.size() * panel.row);
    if (valid.size() == 0) return panel;
    for (std::int64_t y = rows.begin; y < rows.end; ++y) {
        const T* from = grad_output.at(block.image, 0, y, valid.begin);
        T* to = data + panel.offset(y, valid.begin, 0);
        if (channels_last) pack.copy(from, grad_output.pixel, 1, valid.size(), p.out_channels, to, panel.column);
        else if (grad_output.channel != 1 || p.out_channels == 1)
            pack.copy(from, grad_output.channel, grad_output.pixel, p.out_channels, valid.size(), to, panel.channel);
        else pack.transpose_tight(from, grad_output.pixel, valid.size(), p.out_channels, to, panel.channel);
    }
    return panel;
}

/// Lists the grad_output that a block reads, for fetching ahead.
template <class T>
void prefetch_block(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t group,
                    const plan::InputBlock& block, PrefetchList<T>& list) {
    const plan::Conv2dProblem& p = context.problem;
    const TensorView<const T> grad_output = context.grad_output(group);
    const plan::OutputWindow window = plan::output_window(p, plan, block);
    const Range rows{std::max<std::int64_t>(0, window.rows.begin), std::min(p.out_height, window.rows.end)};
    const std::int64_t begin = std::max<std::int64_t>(0, window.columns.begin);
    const std::int64_t columns = std::min(p.out_width, window.columns.end) - begin;
    if (columns <= 0) return;
    const bool whole_rows = columns * grad_output.pixel == grad_output.row;
    const std::int64_t steps = whole_rows ? 1 : rows.size();
    for (std::int64_t y = 0; y < steps; ++y)
        list.add(grad_output, grad_output.at(block.image, 0, rows.begin + y, begin), p.out_channels,
                 whole_rows ? rows.size() * columns : columns);
}

/// Lists the terms of the pixels (y, x + j * stride_width): j shifts the panel column by one. With `exact`, taps whose
/// grad_output lies outside the tensor at j = 0 are left out; otherwise the panel's zeros stand in for them.
template <class T>
std::int64_t list_runs(const plan::Conv2dProblem& p, const Conv2dInputPlan& plan, const Panel<T>& panel, std::int64_t y,
                       std::int64_t x, bool exact, Run* runs) {
    std::int64_t count = 0;
    for (std::int64_t channel = 0; channel < p.out_channels; channel += Conv2dInputPlan::channel_block) {
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
                const std::int64_t weights = packed_unit(p, channel, size, tap);
                const std::int64_t values = panel.offset(out_y, out_x, channel);
                const bool lanes_are_weights = plan.family == LaneFamily::channels;
                runs[count++] = {lanes_are_weights ? weights : values, lanes_are_weights ? values : weights, size};
            }
        }
    }
    return count;
}

/// Everything the tiles of one block share.
template <class T>
struct BlockWork {
    const Conv2dContext<T>& context;
    const Conv2dInputPlan& plan;
    const plan::InputBlock& block;
    const Panel<T>& panel;
    const TensorView<T>& grad_input;
    Run* runs;
    T* staging;
    bool exact;
    Finish finish;
    kernels::PrefetchQueue<T>* prefetch;

    std::int64_t phase_columns(std::int64_t phase) const {
        const std::int64_t stride = context.problem.stride_width, columns = block.columns.size();
        return columns > phase ? plan::ceil_div(columns - phase, stride) : 0;
    }
};

/// Lanes = channels: pixels of a row are the broadcast rows of the tile. NHWC is written in place, NCHW through a
/// staging buffer [pixel][channel] of the whole block, transposed at the end.
template <class T>
void channel_tile(const BlockWork<T>& work, Range channels, const T* weights) {
    const plan::Conv2dProblem& p = work.context.problem;
    const kernels::TileKernels<T>& tile = *work.context.kernels.tile;
    const std::int64_t width = packed_width(work.plan, channels);
    const int vectors = static_cast<int>(width / tile.lanes);
    const bool in_place = p.layout == Layout::nhwc;
    const int last_lanes = in_place ? static_cast<int>(channels.size() - (width - tile.lanes)) : tile.lanes;
    const std::int64_t limit = work.exact ? 1 : tile.rows_limit[vectors];
    const std::int64_t columns = work.block.columns.size(), pixel = in_place ? work.grad_input.pixel : width;

    for (std::int64_t y = work.block.rows.begin; y < work.block.rows.end; ++y)
        for (std::int64_t phase = 0; phase < p.stride_width; ++phase) {
            const std::int64_t size = work.phase_columns(phase), parts = plan::ceil_div(size, limit);
            const std::int64_t first = work.block.columns.begin + phase;
            std::int64_t count = 0;
            if (!work.exact) count = list_runs(p, work.plan, work.panel, y, first, false, work.runs);
            T* row = in_place ? work.grad_input.at(work.block.image, channels.begin, y, first)
                              : work.staging + ((y - work.block.rows.begin) * columns + phase) * width;
            for (std::int64_t i = 0; i < parts; ++i) {
                const Range part = plan::share(size, parts, i);
                std::int64_t shift = part.begin;
                if (work.exact) {
                    count =
                        list_runs(p, work.plan, work.panel, y, first + part.begin * p.stride_width, true, work.runs);
                    shift = 0;
                }
                const kernels::TileOperands<T> operands{weights,
                                                        width,
                                                        width,
                                                        tile.lanes,
                                                        work.panel.data + shift * work.panel.column,
                                                        1,
                                                        work.panel.channel,
                                                        work.panel.column,
                                                        work.runs,
                                                        count,
                                                        work.prefetch};
                tile.function[vectors][part.size()](
                    operands, {row + part.begin * p.stride_width * pixel, p.stride_width * pixel, tile.lanes,
                               tile.lanes, last_lanes, in_place ? work.finish : Finish::store});
            }
        }
    if (in_place) return;
    const bool whole_rows = columns == p.in_width;
    const std::int64_t steps = whole_rows ? 1 : work.block.rows.size();
    const std::int64_t pixels = whole_rows ? work.block.rows.size() * columns : columns;
    for (std::int64_t i = 0; i < steps; ++i)
        work.context.kernels.pack->transpose_out(
            work.staging + i * columns * width, width, pixels, channels.size(),
            work.grad_input.at(work.block.image, channels.begin, work.block.rows.begin + i, work.block.columns.begin),
            work.grad_input.channel, work.finish);
}

/// Rows of a block that share a row phase: first, first + stride_height, ...
struct PhaseRows {
    std::int64_t first, count;
};

PhaseRows phase_rows(const plan::Conv2dProblem& p, const plan::InputBlock& block, std::int64_t phase) {
    const std::int64_t rows = block.rows.size();
    return {block.rows.begin + phase, rows > phase ? plan::ceil_div(rows - phase, p.stride_height) : 0};
}

/// Lanes = pixels of one column phase. The vectors of a tile are neighbouring rows of one row phase, which read
/// neighbouring rows of the panel, or neighbours in one row where the image is a single row; channels are the broadcast
/// rows of the tile. Unit-stride NCHW rows are written in place, others through a staging buffer [channel][row][pixel].
template <class T>
void pixel_tile(const BlockWork<T>& work, Range channels, const T* weights) {
    const plan::Conv2dProblem& p = work.context.problem;
    const kernels::TileKernels<T>& tile = *work.context.kernels.tile;
    const bool in_place = p.layout == Layout::nchw && p.stride_width == 1;
    const bool along_rows = work.exact || work.plan.vectors_are_rows;
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
                if (!work.exact) count = list_runs(p, work.plan, work.panel, y, first, false, work.runs);
                for (std::int64_t x = 0; x < size; x += step) {
                    if (work.exact)
                        count = list_runs(p, work.plan, work.panel, y, first + x * p.stride_width, true, work.runs);
                    const std::int64_t width = std::min(step, size - x);
                    const std::int64_t vectors = along_rows ? some.size() : plan::ceil_div(width, tile.lanes);
                    const int last = static_cast<int>(along_rows ? width : width - (vectors - 1) * tile.lanes);
                    const kernels::TileOperands<T> operands{work.panel.data + (work.exact ? 0 : x),
                                                            1,
                                                            work.panel.channel,
                                                            along_rows ? work.panel.row : tile.lanes,
                                                            weights,
                                                            rows,
                                                            rows,
                                                            1,
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

}  // namespace

template <class T>
bool pack_weight_task(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t task,
                      T* packed) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const auto& pack = *context.kernels.pack;
    const std::int64_t blocks = plan::ceil_div(p.out_channels, Conv2dInputPlan::channel_block);
    const std::int64_t tiles = plan.channel_tile_count(p), taps = p.taps();
    const std::int64_t block = task % blocks, tile = task / blocks % tiles, group = task / blocks / tiles;
    const Range channels = tile_channels(p, plan, tile);
    const std::int64_t width = packed_width(plan, channels), begin = block * Conv2dInputPlan::channel_block;
    const std::int64_t size = std::min(Conv2dInputPlan::channel_block, p.out_channels - begin);
    T* to = packed + group * plan.packed_group_elements + channels.begin * p.out_channels * taps +
            packed_unit(p, begin, size, 0) * width;
    if (width > channels.size()) pack.clear(to, size * taps * width);
    // A rotated kernel is the adjoint of the kernel read backwards.
    const std::int64_t tap_step = (p.rotated_kernel ? -1 : 1) * size * width;
    if (p.rotated_kernel) to += (taps - 1) * size * width;
    bool finite = true;
    for (std::int64_t o = 0; o < size; ++o, to += width) {
        const T* from = context.arguments.weight + (group * p.out_channels + begin + o) * p.in_channels * taps;
        if (p.weight_ohwi)
            finite &= pack.copy(from + channels.begin, p.in_channels, 1, taps, channels.size(), to, tap_step);
        else if (taps == 1) finite &= pack.copy(from + channels.begin, 0, 1, 1, channels.size(), to, 0);
        else finite &= pack.transpose_tight(from + channels.begin * taps, taps, channels.size(), taps, to, tap_step);
    }
    return finite;
}

template <class T>
void input_task(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t task, const T* packed,
                bool weights_finite, WriteMode mode, Scratch<T> scratch) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const std::int64_t channel_group = task % plan.channel_groups;
    const std::int64_t block_group = task / plan.channel_groups % plan.block_groups;
    const std::int64_t group = task / plan.channel_groups / plan.block_groups;
    Range blocks = plan::share(plan.blocks, plan.block_groups, block_group);
    // The last images of a batch may be fewer than the plan is made for.
    const std::int64_t present = p.batch * plan.blocks_per_image;
    blocks.end = std::min(blocks.end, present);
    const Range tiles = plan::share(plan.channel_tile_count(p), plan.channel_groups, channel_group);
    const T* group_weights = packed + group * plan.packed_group_elements;
    if (plan.pointwise) return input_pointwise_task(context, plan, group, blocks, tiles, group_weights, mode, scratch);
    const TensorView<T> grad_input = context.grad_input(group);
    const Finish finish = mode == WriteMode::accumulate ? Finish::add : Finish::store;
    Run* runs = reinterpret_cast<Run*>(scratch.take(plan::Conv2dWeightPlan::run_elements(
        plan::ceil_div(p.out_channels, Conv2dInputPlan::channel_block) * p.taps(), sizeof(T))));
    T* staging = scratch.take(plan.staging_elements);
    T* panel_memory = scratch.take(0);

    PrefetchList<T> prefetch;
    for (std::int64_t b = blocks.begin; b < blocks.end; ++b) {
        const plan::InputBlock block = plan::input_block(p, plan, b);
        if (block.rows.size() == 0 || block.columns.size() == 0) continue;
        const Panel<T> panel = pack_panel(context, plan, group, block, panel_memory);
        const BlockWork<T> work{context, plan,    block,           panel,  grad_input,
                                runs,    staging, !weights_finite, finish, prefetch.queue()};
        prefetch.clear();
        prefetch.add(context.ahead.part(b - blocks.begin, blocks.size()));
        const std::int64_t next = b + 1 < blocks.end ? b + 1 : plan.next_block(task);
        if (next < present) prefetch_block(context, plan, group, plan::input_block(p, plan, next), prefetch);
        for (std::int64_t t = tiles.begin; t < tiles.end; ++t) {
            const Range channels = tile_channels(p, plan, t);
            const T* weights = group_weights + channels.begin * p.out_channels * p.taps();
            if (plan.family == LaneFamily::channels) channel_tile(work, channels, weights);
            else pixel_tile(work, channels, weights);
        }
    }
}

template bool pack_weight_task<float>(const Conv2dContext<float>&, const Conv2dInputPlan&, std::int64_t,
                                      float*) noexcept;
template bool pack_weight_task<double>(const Conv2dContext<double>&, const Conv2dInputPlan&, std::int64_t,
                                       double*) noexcept;
template void input_task<float>(const Conv2dContext<float>&, const Conv2dInputPlan&, std::int64_t, const float*, bool,
                                WriteMode, Scratch<float>) noexcept;
template void input_task<double>(const Conv2dContext<double>&, const Conv2dInputPlan&, std::int64_t, const double*,
                                 bool, WriteMode, Scratch<double>) noexcept;

}  // namespace backgrad::ops
