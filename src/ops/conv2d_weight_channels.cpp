#include "ops/conv2d_weight_channels.hpp"

#include "ops/conv2d_bias.hpp"
#include "ops/conv2d_patches.hpp"
#include "ops/conv2d_prefetch.hpp"

#include <algorithm>

namespace backgrad::ops {

namespace {

using kernels::Finish;
using kernels::Run;
using plan::LaneSide;
using plan::PixelBox;
using plan::Range;

/// Positions begin, begin + step, ... along one axis of a tensor.
struct Axis {
    std::int64_t begin, step, count;

    std::int64_t index(std::int64_t position) const { return (position - begin) / step; }
};

/// The part of a tensor that one segment reads: some images, rows and columns.
struct Window {
    std::int64_t image_begin, images;
    Axis rows, columns;

    std::int64_t pixels() const { return images * rows.count * columns.count; }
};

/// Where a window's pixels lie, in a panel or in the tensor itself: element strides of its images, rows and columns.
struct Place {
    Window window;
    std::int64_t image, row, column;

    std::int64_t offset(std::int64_t n, std::int64_t y, std::int64_t x) const {
        return (n - window.image_begin) * image + window.rows.index(y) * row + window.columns.index(x) * column;
    }
};

/// A panel that numbers the pixels in order, `unit` elements each.
Place panel_place(const Window& window, std::int64_t unit) {
    return {window, window.rows.count * window.columns.count * unit, window.columns.count * unit, unit};
}

Window output_window(const PixelBox& box) {
    return {box.image_begin, box.images(), {box.row_begin, 1, box.rows()}, {box.column_begin, 1, box.columns()}};
}

/// What outputs [begin, end) read along one axis. A kernel of one tap reads every stride-th position only.
Axis input_axis(std::int64_t begin, std::int64_t end, std::int64_t stride, std::int64_t padding, std::int64_t kernel,
                std::int64_t dilation, std::int64_t size) {
    if (kernel == 1) {
        const Range valid = plan::valid_outputs(end, size, stride, -padding);
        const std::int64_t first = std::max(begin, valid.begin);
        return {first * stride - padding, stride, std::max<std::int64_t>(0, valid.end - first)};
    }
    const std::int64_t first = std::max<std::int64_t>(0, begin * stride - padding);
    const std::int64_t last = std::min(size, (end - 1) * stride - padding + (kernel - 1) * dilation + 1);
    return {first, 1, std::max<std::int64_t>(0, last - first)};
}

Window input_window(const plan::Conv2dProblem& p, const PixelBox& box) {
    return {box.image_begin, box.images(),
            input_axis(box.row_begin, box.row_end, p.stride_height, p.padding_top, p.kernel_height, p.dilation_height,
                       p.in_height),
            input_axis(box.column_begin, box.column_end, p.stride_width, p.padding_left, p.kernel_width,
                       p.dilation_width, p.in_width)};
}

/// Calls visit(first element, pixels, panel index) for every stretch of pixels that lie columns.step apart; whole
/// neighbouring rows are one stretch.
template <class T, class Visit>
void for_each_stretch(const TensorView<const T>& tensor, const Window& window, Visit visit) {
    const Axis &rows = window.rows, &columns = window.columns;
    const bool joined = rows.step == 1 && columns.step == 1 && columns.count * tensor.pixel == tensor.row;
    const std::int64_t steps = joined ? 1 : rows.count, pixels = joined ? rows.count * columns.count : columns.count;
    for (std::int64_t n = 0; n < window.images; ++n)
        for (std::int64_t i = 0; i < steps; ++i)
            visit(tensor.at(window.image_begin + n, 0, rows.begin + i * rows.step, columns.begin), pixels,
                  (n * rows.count + i) * columns.count);
}

/// The lane operand: one panel [pixel][lanes] per lane tile.
template <class T>
void pack_lanes(const Conv2dContext<T>& context, const TensorView<const T>& tensor, const Window& window,
                std::int64_t channel_begin, const plan::LaneTiles& tiles, T* panel) {
    const auto& pack = *context.kernels.pack;
    const bool channels_last = tensor.channel == 1;
    for (std::int64_t tile = 0; tile < tiles.count(); ++tile) {
        const std::int64_t width = std::int64_t(tiles.vectors_of(tile)) * tiles.lanes;
        const std::int64_t first = channel_begin + tile * tiles.width();
        const std::int64_t channels = std::min(width, tiles.size - tile * tiles.width());
        for_each_stretch(tensor, window, [&](const T* from, std::int64_t pixels, std::int64_t at) {
            from += first * tensor.channel;
            if (channels_last)
                pack.copy(from, tensor.pixel * window.columns.step, 1, pixels, channels, panel + at * width, width);
            else pack.transpose(from, tensor.channel, channels, pixels, panel + at * width, width);
        });
        panel += window.pixels() * width;
    }
}

/// The broadcast operand: channel 0 of the block, and the elements from one channel to the next.
template <class T>
struct RowOperand {
    const T* data;
    std::int64_t channel;
    Place place;
};

/// Rows that begin a multiple of half a page apart share a few sets of the L1 cache and would push each other out.
template <class T>
bool spread_over_sets(std::int64_t stride) {
    constexpr std::int64_t half_page = 2048 / sizeof(T);
    return stride % half_page != 0;
}

/// Channels-first rows are read where they lie: a scalar is broadcast from any address. Others are copied
/// into `panel` as the tensor has them, [channel][pixel] or [pixel][channel].
template <class T>
RowOperand<T> place_rows(const Conv2dContext<T>& context, const TensorView<const T>& tensor, const Window& window,
                         Range channels, T* panel) {
    const auto& pack = *context.kernels.pack;
    const bool channels_last = tensor.channel == 1;
    if (!channels_last && spread_over_sets<T>(tensor.channel)) {
        const T* data = tensor.at(window.image_begin, channels.begin, window.rows.begin, window.columns.begin);
        return {data,
                tensor.channel,
                {window, tensor.image, window.rows.step * tensor.row, window.columns.step * tensor.pixel}};
    }
    for_each_stretch(tensor, window, [&](const T* from, std::int64_t pixels, std::int64_t at) {
        from += channels.begin * tensor.channel;
        if (channels_last)
            pack.copy(from, tensor.pixel * window.columns.step, 1, pixels, channels.size(),
                      panel + at * channels.size(), channels.size());
        else pack.copy(from, tensor.channel, window.columns.step, channels.size(), pixels, panel + at, window.pixels());
    });
    return {panel, channels_last ? 1 : window.pixels(), panel_place(window, channels_last ? channels.size() : 1)};
}

/// Lists what a window reads, for fetching ahead.
template <class T>
void prefetch_window(const TensorView<const T>& tensor, const Window& window, Range channels, PrefetchList<T>& list) {
    for_each_stretch(tensor, window, [&](const T* from, std::int64_t pixels, std::int64_t) {
        list.add(tensor, from + channels.begin * tensor.channel, channels.size(), pixels, window.columns.step);
    });
}

/// Appends a run, or lengthens the last one if it goes on where that one ended: rows that nothing lies between become
/// one long run.
std::int64_t append(Run* runs, std::int64_t count, const Run& run, std::int64_t lane_step, std::int64_t row_step) {
    if (count > 0) {
        Run& last = runs[count - 1];
        if (last.lane_offset + last.count * lane_step == run.lane_offset &&
            last.broadcast_offset + last.count * row_step == run.broadcast_offset) {
            last.count += run.count;
            return count;
        }
    }
    runs[count] = run;
    return count + 1;
}

/// The runs of tap (r, c): the rows of the segment whose input row exists, without the columns whose input does not.
/// Padding so contributes no term. Returns their number, at most the segment's rows.
std::int64_t list_runs(const plan::Conv2dProblem& p, const Place& out_place, const Place& in_place, LaneSide side,
                       std::int64_t r, std::int64_t c, Run* runs) {
    const Window& out = out_place.window;
    const Range valid =
        plan::valid_outputs(p.out_width, p.in_width, p.stride_width, c * p.dilation_width - p.padding_left);
    const std::int64_t column_end = out.columns.begin + out.columns.count;
    const Range columns{std::max(valid.begin, out.columns.begin), std::min(valid.end, column_end)};
    if (columns.size() == 0) return 0;
    const bool lanes_out = side == LaneSide::grad_output;
    const std::int64_t in_step = p.stride_width / in_place.window.columns.step * in_place.column;
    const std::int64_t lane_step = lanes_out ? out_place.column : in_step;
    const std::int64_t row_step = lanes_out ? in_step : out_place.column;
    std::int64_t count = 0;
    for (std::int64_t n = 0; n < out.images; ++n)
        for (std::int64_t y = out.rows.begin; y < out.rows.begin + out.rows.count; ++y) {
            const std::int64_t in_y = p.input_row(y, r), image = out.image_begin + n;
            if (in_y < 0 || in_y >= p.in_height) continue;
            const std::int64_t from_out = out_place.offset(image, y, columns.begin);
            const std::int64_t from_in = in_place.offset(image, in_y, p.input_column(columns.begin, c));
            const Run run{lanes_out ? from_out : from_in, lanes_out ? from_in : from_out, columns.size()};
            count = append(runs, count, run, lane_step, row_step);
        }
    return count;
}

}  // namespace

template <class T>
void weight_channels_task(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan, std::int64_t group,
                          std::int64_t segment_group, std::int64_t lane_block, std::int64_t row_block, T* total,
                          T* bias, Scratch<T> scratch) noexcept {
    const plan::Conv2dProblem& p = plan.problem;
    const kernels::TileKernels<T>& tile = *context.kernels.tile;
    const bool lanes_out = plan.side == LaneSide::grad_output;
    const TensorView<const T> grad_output = context.grad_output(group), input = context.input(group);
    const TensorView<const T>&lane_tensor = lanes_out ? grad_output : input,
                           &row_tensor = lanes_out ? input : grad_output;
    const Range lanes = plan.lane_block(lane_block), rows = plan.row_block(row_block);
    plan::LaneTiles tiles = plan.block_tiles;
    tiles.size = lanes.size();
    const Range whole = plan.segment_group(segment_group), segments = context.segments(plan.segments, whole);
    if (segments.size() == 0) context.kernels.pack->clear(total, tiles.padded() * rows.size() * p.taps());
    const std::int64_t lines = plan.segment_lines();
    const Range output_channels = lanes_out ? lanes : rows;
    T* bias_state = scratch.take(bias ? bias_state_elements<T>(output_channels.size()) : 0);
    if (bias && segments.begin == whole.begin) context.kernels.pack->clear(bias, output_channels.size());
    Run* runs = reinterpret_cast<Run*>(scratch.take(plan::Conv2dWeightPlan::run_elements(p.taps() * lines, sizeof(T))));
    std::int64_t* run_counts =
        reinterpret_cast<std::int64_t*>(scratch.take(plan::Conv2dWeightPlan::count_elements(p.taps(), sizeof(T))));
    const bool from_patches = plan.family == plan::LaneFamily::patches;
    Patches<T> patches(context, plan, group, lanes, rows, scratch);
    PrefetchList<T> prefetch;
    for (std::int64_t s = segments.begin; s < segments.end; ++s) {
        const PixelBox box = context.box(plan.segments, s);
        const Window out = output_window(box), in = input_window(p, box);
        const Window &lane_window = lanes_out ? out : in, &row_window = lanes_out ? in : out;
        const Finish finish = s == whole.begin ? Finish::store : Finish::add;
        if (bias) add_bias_pass(context, grad_output, box, output_channels, bias_state, bias);
        if (from_patches && !patches.multipliable(box, bias ? bias_state : nullptr)) {
            patches.add_exactly(box, tiles, finish, total);
            continue;
        }
        Scratch<T> pieces = from_patches ? patches.rest() : scratch;
        T* lane_panel = pieces.take(tiles.padded() * lane_window.pixels());
        T* row_panel = pieces.take(rows.size() * row_window.pixels());
        if (from_patches) patches.pack(box, tiles, lane_panel);
        else pack_lanes(context, lane_tensor, lane_window, lanes.begin, tiles, lane_panel);
        const RowOperand<T> row_operand = place_rows(context, row_tensor, row_window, rows, row_panel);
        const Place lane_place = panel_place(lane_window, 1);
        const Place &out_place = lanes_out ? lane_place : row_operand.place,
                    &in_place = lanes_out ? row_operand.place : lane_place;
        const std::int64_t in_step = p.stride_width / in.columns.step;

        prefetch.clear();
        prefetch.add(context.ahead.part(s - segments.begin, segments.size()));
        if (s + 1 < segments.end) {
            const PixelBox next = context.box(plan.segments, s + 1);
            prefetch_window(grad_output, output_window(next), output_channels, prefetch);
            prefetch_window(input, input_window(context.problem, next),
                            from_patches ? Range{0, context.problem.in_channels}
                            : lanes_out  ? rows
                                         : lanes,
                            prefetch);
        }

        // The lane panel of one tile stays in the L1 cache while all taps and rows pass over it.
        for (std::int64_t j = 0; j < tiles.count(); ++j) {
            const int vectors = tiles.vectors_of(j);
            const std::int64_t width = std::int64_t(vectors) * tiles.lanes;
            const std::int64_t parts = plan::ceil_div(rows.size(), tile.rows_limit[vectors]);
            for (std::int64_t tap = 0; tap < p.taps(); ++tap) {
                Run* tap_runs = runs + tap * lines;
                if (j == 0)
                    run_counts[tap] = list_runs(p, out_place, in_place, plan.side, tap / p.kernel_width,
                                                tap % p.kernel_width, tap_runs);
                if (run_counts[tap] == 0 && finish == Finish::add) continue;
                T* to = total + (j * tiles.width() * p.taps() + tap * width) * rows.size();
                for (std::int64_t i = 0; i < parts; ++i) {
                    const Range part = plan::share(rows.size(), parts, i);
                    const kernels::TileOperands<T> operands{lane_panel + j * tiles.width() * lane_window.pixels(),
                                                            width,
                                                            width * (lanes_out ? 1 : in_step),
                                                            tiles.lanes,
                                                            row_operand.data + part.begin * row_operand.channel,
                                                            1,
                                                            row_operand.place.column * (lanes_out ? in_step : 1),
                                                            row_operand.channel,
                                                            tap_runs,
                                                            run_counts[tap],
                                                            prefetch.queue()};
                    tile.function[vectors][part.size()](
                        operands, {to + part.begin * width, width, tiles.lanes, tiles.lanes, tiles.lanes, finish});
                }
            }
        }
    }
}

template void weight_channels_task<float>(const Conv2dContext<float>&, const plan::Conv2dWeightPlan&, std::int64_t,
                                          std::int64_t, std::int64_t, std::int64_t, float*, float*,
                                          Scratch<float>) noexcept;
template void weight_channels_task<double>(const Conv2dContext<double>&, const plan::Conv2dWeightPlan&, std::int64_t,
                                           std::int64_t, std::int64_t, std::int64_t, double*, double*,
                                           Scratch<double>) noexcept;

}  // namespace backgrad::ops
