#include "ops/conv2d_weight_channels.hpp"

#include "ops/conv2d_bias.hpp"
#include "ops/conv2d_kernel_rows.hpp"
#include "ops/conv2d_patches.hpp"
#include "ops/conv2d_prefetch.hpp"
#include "ops/conv2d_windows.hpp"

#include <algorithm>

namespace backgrad::ops {

namespace {

using kernels::Finish;
using kernels::Run;
using plan::LaneSide;
using plan::PixelBox;
using plan::Range;

/// The lane operand: a panel [pixel][lanes] per lane tile, `tile` elements apart, whose places are in pixels, or the
/// tensor itself with places in elements.
template <class T>
struct LaneOperand {
    const T* data;
    Place place;
    bool in_place;

    const T* tile(std::int64_t first_lane) const { return data + first_lane * (in_place ? 1 : place.window.pixels()); }
};

/// The lane operand: one panel [pixel][lanes] per lane tile. Returns true if all are finite. With `sums`, for a tensor
/// with channels first, leaves there what sum_pass would, and does not look for what is not finite.
template <class T>
bool pack_lanes(const Conv2dContext<T>& context, const TensorView<const T>& tensor, const Window& window,
                std::int64_t channel_begin, const plan::LaneTiles& tiles, T* panel, T* sums = nullptr) {
    const auto& pack = *context.kernels.pack;
    const bool channels_last = tensor.channel == 1;
    bool finite = true;
    for (std::int64_t tile = 0; tile < tiles.count(); ++tile) {
        const std::int64_t width = std::int64_t(tiles.vectors_of(tile)) * tiles.lanes;
        const std::int64_t first = channel_begin + tile * tiles.width();
        const std::int64_t channels = std::min(width, tiles.size - tile * tiles.width());
        for_each_stretch(tensor, window, [&](const T* from, std::int64_t pixels, std::int64_t at) {
            from += first * tensor.channel;
            if (channels_last)
                finite &=
                    pack.copy(from, tensor.pixel * window.columns.step, 1, pixels, channels, panel + at * width, width);
            else if (sums)
                pack.transpose_and_sum(from, tensor.channel, channels, pixels, panel + at * width, width,
                                       sums + tile * tiles.width() * kernels::DotKernels<T>::chains);
            else finite &= pack.transpose(from, tensor.channel, channels, pixels, panel + at * width, width);
        });
        panel += window.pixels() * width;
    }
    return finite;
}

/// A panel of these lanes would be a copy of the tensor.
template <class T>
bool is_panel(const TensorView<const T>& tensor, const Window& window, const plan::LaneTiles& tiles) {
    return tensor.channel == 1 && tensor.pixel == tiles.size && tiles.size == tiles.padded() && window.rows.step == 1 &&
           window.columns.step == 1;
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

Range overlap(const Range& a, const Range& b) { return {std::max(a.begin, b.begin), std::min(a.end, b.end)}; }

/// The runs of tap (r, c): the rows of the segment whose input row exists, in the columns of `valid`. Padding so
/// contributes no term. Returns their number, at most the segment's rows.
std::int64_t list_runs(const plan::Conv2dProblem& p, const Place& out_place, const Place& in_place, LaneSide side,
                       std::int64_t r, std::int64_t c, const Range& valid, Run* runs) {
    const Window &out = out_place.window, &in = in_place.window;
    const Range rows =
        overlap(plan::valid_outputs(p.out_height, p.in_height, p.stride_height, r * p.dilation_height - p.padding_top),
                {out.rows.begin, out.rows.begin + out.rows.count});
    const Range columns = overlap(valid, {out.columns.begin, out.columns.begin + out.columns.count});
    if (rows.size() == 0 || columns.size() == 0) return 0;
    const bool lanes_out = side == LaneSide::grad_output;
    const std::int64_t in_step = p.stride_width / in.columns.step * in_place.column;
    const std::int64_t lane_step = lanes_out ? out_place.column : in_step;
    const std::int64_t row_step = lanes_out ? in_step : out_place.column;
    const std::int64_t in_row = p.stride_height / in.rows.step * in_place.row;
    std::int64_t count = 0;
    for (std::int64_t n = 0; n < out.images; ++n) {
        const std::int64_t image = out.image_begin + n;
        std::int64_t from_out = out_place.offset(image, rows.begin, columns.begin);
        std::int64_t from_in = in_place.offset(image, p.input_row(rows.begin, r), p.input_column(columns.begin, c));
        for (std::int64_t y = rows.begin; y < rows.end; ++y, from_out += out_place.row, from_in += in_row) {
            const Run run{lanes_out ? from_out : from_in, lanes_out ? from_in : from_out, columns.size()};
            count = append(runs, count, run, lane_step, row_step);
        }
    }
    return count;
}

/// Both operands of a segment, and the register tiles that multiply them.
template <class T>
struct SegmentTiles {
    const kernels::TileKernels<T>& kernels;
    const plan::Conv2dProblem& problem;
    const plan::LaneTiles& tiles;
    LaneSide side;
    std::int64_t block_rows;
    LaneOperand<T> lanes;
    RowOperand<T> rows;
    kernels::PrefetchQueue<T>* prefetch;
    T* total;

    const Place& out_place() const { return side == LaneSide::grad_output ? lanes.place : rows.place; }
    const Place& in_place() const { return side == LaneSide::grad_output ? rows.place : lanes.place; }

    /// Sums a tap's runs for one lane tile and some of the block's rows.
    void sum(std::int64_t lane_tile, std::int64_t tap, const Range& some, const Run* runs, std::int64_t run_count,
             Finish finish) const {
        const bool lanes_out = side == LaneSide::grad_output;
        const std::int64_t in_step = problem.stride_width / in_place().window.columns.step;
        const int vectors = tiles.vectors_of(lane_tile);
        const std::int64_t width = std::int64_t(vectors) * tiles.lanes;
        const std::int64_t unit = lanes.in_place ? 1 : width, pixel = lanes.in_place ? lanes.place.column : width;
        const std::int64_t parts = plan::ceil_div(some.size(), kernels.rows_limit[vectors]);
        T* to = total + (lane_tile * tiles.width() * problem.taps() + tap * width) * block_rows;
        for (std::int64_t i = 0; i < parts; ++i) {
            const Range part = plan::share(some.size(), parts, i);
            const std::int64_t first = some.begin + part.begin;
            const kernels::TileOperands<T> operands{lanes.tile(lane_tile * tiles.width()),
                                                    unit,
                                                    pixel * (lanes_out ? 1 : in_step),
                                                    tiles.lanes,
                                                    rows.data + first * rows.channel,
                                                    1,
                                                    rows.place.column * (lanes_out ? in_step : 1),
                                                    rows.channel,
                                                    runs,
                                                    run_count,
                                                    prefetch};
            kernels.function[vectors][part.size()](
                operands, {to + first * width, width, tiles.lanes, tiles.lanes, tiles.lanes, finish});
        }
    }

    /// All taps. The lane panel of one tile stays in the L1 cache while all taps and rows pass over it.
    void sum_taps(Run* runs, std::int64_t most_runs, std::int64_t* run_counts, Finish finish) const {
        for (std::int64_t j = 0; j < tiles.count(); ++j)
            for (std::int64_t tap = 0; tap < problem.taps(); ++tap) {
                const std::int64_t r = tap / problem.kernel_width, c = tap % problem.kernel_width;
                Run* tap_runs = runs + tap * most_runs;
                if (j == 0)
                    run_counts[tap] =
                        list_runs(problem, out_place(), in_place(), side, r, c, valid_columns(problem, c), tap_runs);
                if (run_counts[tap] == 0 && finish == Finish::add) continue;
                sum(j, tap, {0, block_rows}, tap_runs, run_counts[tap], finish);
            }
    }

    /// Family kernel_rows: the rows of one kernel column, of those in `block`, with the terms that exist and no zeros.
    void sum_column(const Range& block, const Range& column_rows, const Range& valid, Run* runs, Finish finish) const {
        const Range some{std::max(block.begin, column_rows.begin) - block.begin,
                         std::min(block.end, column_rows.end) - block.begin};
        if (some.size() == 0) return;
        for (std::int64_t r = 0; r < problem.kernel_height; ++r) {
            const std::int64_t count = list_runs(problem, out_place(), in_place(), side, r, 0, valid, runs);
            for (std::int64_t j = 0; j < tiles.count(); ++j) sum(j, r, some, runs, count, finish);
        }
    }
};

}  // namespace

template <class T>
void weight_channels_task(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan, std::int64_t group,
                          std::int64_t segment_group, std::int64_t lane_block, std::int64_t row_block, T* total,
                          T* bias, Scratch<T> scratch) noexcept {
    const plan::Conv2dProblem& p = plan.problem;
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
    T* sums = scratch.take(bias_state_elements<T>(output_channels.size()));
    if (bias && segments.begin == whole.begin) context.kernels.pack->clear(bias, output_channels.size());
    Run* runs = reinterpret_cast<Run*>(scratch.take(plan::Conv2dWeightPlan::run_elements(p.taps() * lines, sizeof(T))));
    std::int64_t* run_counts =
        reinterpret_cast<std::int64_t*>(scratch.take(plan::Conv2dWeightPlan::count_elements(p.taps(), sizeof(T))));
    const bool from_patches = plan.family == plan::LaneFamily::patches,
               by_kernel_rows = plan.family == plan::LaneFamily::kernel_rows;
    const bool zeros = (from_patches && pads(context.problem)) || (by_kernel_rows && pads_columns(context.problem));
    const bool sums_on_the_way =
        bias && lanes_out && context.problem.layout == Layout::nchw && lane_tensor.channel != 1;
    Patches<T> patches(context, plan, group, lanes, rows, scratch);
    PrefetchList<T> prefetch;
    for (std::int64_t s = segments.begin; s < segments.end; ++s) {
        const PixelBox box = context.box(plan.segments, s);
        const Window out = output_window(box), in = input_window(p, box);
        const Window &lane_window = lanes_out ? out : in, &row_window = lanes_out ? in : out;
        const Finish finish = s == whole.begin ? Finish::store : Finish::add;
        if (bias && !sums_on_the_way) add_bias_pass(context, grad_output, box, output_channels, sums, bias);
        const auto finite_sums = [&] {
            if (!bias) sum_pass(context, grad_output, box, output_channels, sums);
            return sums_are_finite(context, output_channels, sums);
        };
        if (from_patches && zeros && !finite_sums()) {
            patches.add_exactly(box, tiles, finish, total);
            continue;
        }
        Scratch<T> pieces = from_patches ? patches.rest() : scratch;
        T* lane_panel = pieces.take(tiles.padded() * lane_window.pixels());
        T* row_panel = pieces.take(plan.row_panel_elements(row_window.pixels()));
        LaneOperand<T> lane_operand{lane_panel, panel_place(lane_window, 1), false};
        bool finite = true;
        if (from_patches) {
            patches.pack(box, tiles, lane_panel);
        } else if (is_panel(lane_tensor, lane_window, tiles)) {
            lane_operand = {
                lane_tensor.at(lane_window.image_begin, lanes.begin, lane_window.rows.begin, lane_window.columns.begin),
                {lane_window, lane_tensor.image, lane_tensor.row, lane_tensor.pixel},
                true};
            if (zeros) finite = finite_sums();
        } else if (sums_on_the_way) {
            context.kernels.pack->clear(sums, bias_state_elements<T>(output_channels.size()));
            pack_lanes(context, lane_tensor, lane_window, lanes.begin, tiles, lane_panel, sums);
            add_sums(context, output_channels, sums, bias);
            if (zeros) finite = finite_sums();
        } else {
            finite = pack_lanes(context, lane_tensor, lane_window, lanes.begin, tiles, lane_panel);
        }
        const RowOperand<T> row_operand =
            by_kernel_rows
                ? RowOperand<T>{row_panel + rows.begin, 1, pack_kernel_rows(context, input, box, in, row_panel)}
                : place_rows(context, row_tensor, row_window, rows, row_panel);

        prefetch.clear();
        prefetch.add(context.ahead.part(s - segments.begin, segments.size()));
        if (s + 1 < segments.end) {
            const PixelBox next = context.box(plan.segments, s + 1);
            prefetch_window(grad_output, output_window(next), output_channels, prefetch);
            prefetch_window(input, input_window(context.problem, next),
                            from_patches || by_kernel_rows ? Range{0, context.problem.in_channels}
                            : lanes_out                    ? rows
                                                           : lanes,
                            prefetch);
        }
        const SegmentTiles<T> segment{
            *context.kernels.tile, p,    tiles, plan.side, rows.size(), lane_operand, row_operand,
            prefetch.queue(),      total};
        if (finite || !zeros) {
            segment.sum_taps(runs, lines, run_counts, finish);
            continue;
        }
        const std::int64_t channels = context.problem.in_channels;
        for (std::int64_t c = 0; c < context.problem.kernel_width; ++c)
            segment.sum_column(rows, {c * channels, (c + 1) * channels}, valid_columns(context.problem, c), runs,
                               finish);
    }
}

template void weight_channels_task<float>(const Conv2dContext<float>&, const plan::Conv2dWeightPlan&, std::int64_t,
                                          std::int64_t, std::int64_t, std::int64_t, float*, float*,
                                          Scratch<float>) noexcept;
template void weight_channels_task<double>(const Conv2dContext<double>&, const plan::Conv2dWeightPlan&, std::int64_t,
                                           std::int64_t, std::int64_t, std::int64_t, double*, double*,
                                           Scratch<double>) noexcept;

}  // namespace backgrad::ops
