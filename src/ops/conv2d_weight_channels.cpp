#include "ops/conv2d_weight_channels.hpp"

#include "ops/conv2d_bias.hpp"
#include "ops/conv2d_exact_sums.hpp"
#include "ops/conv2d_kernel_rows.hpp"
#include "ops/conv2d_patches.hpp"
#include "ops/conv2d_prefetch.hpp"
#include "ops/conv2d_segment_tiles.hpp"

#include <algorithm>
#include <optional>

namespace backgrad::ops {

namespace {

using kernels::Finish;
using kernels::Run;
using plan::LaneFamily;
using plan::LaneSide;
using plan::PixelBox;
using plan::Range;

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
        if (channels_last) pack.clear_columns(panel + channels, width, window.pixels(), width - channels);
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

/// Rows that begin a multiple of half a page apart share a few sets of the L1 cache and would push each other out.
template <class T>
bool spread_over_sets(std::int64_t stride) {
    constexpr std::int64_t half_page = 2048 / sizeof(T);
    return stride % half_page != 0;
}

/// Copies every stride-th pixel of each channel behind each other, one channel after the other: what lies between them
/// is in the same cache lines.
template <class T>
RowOperand<T> join_rows(const Conv2dContext<T>& context, const TensorView<const T>& tensor, const Window& window,
                        Range channels, T* panel) {
    const Axis &rows = window.rows, &columns = window.columns;
    const Place place = panel_place(window, 1);
    for (std::int64_t n = window.image_begin; n < window.image_begin + window.images; ++n)
        for (std::int64_t c = 0; c < channels.size(); ++c)
            context.kernels.pack->copy(tensor.at(n, channels.begin + c, rows.begin, columns.begin),
                                       rows.step * tensor.row, columns.step, rows.count, columns.count,
                                       panel + c * window.pixels() + place.offset(n, rows.begin, columns.begin),
                                       columns.count);
    return {panel, window.pixels(), place};
}

/// Channels-first rows are read where they lie: a scalar is broadcast from any address. Others are copied
/// into `panel` as the tensor has them, [channel][pixel] or [pixel][channel].
template <class T>
RowOperand<T> place_rows(const Conv2dContext<T>& context, const TensorView<const T>& tensor, const Window& window,
                         Range channels, std::int64_t lanes, T* panel) {
    const auto& pack = *context.kernels.pack;
    const bool channels_last = tensor.channel == 1;
    const Axis& columns = window.columns;
    if (!channels_last && columns.step > 1 && plan::worth_joining(lanes, columns.count))
        return join_rows(context, tensor, window, channels, panel);
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

/// What a segment's part in a block is summed from.
struct Source {
    std::int64_t group;
    Range lanes, rows;
    PixelBox box;
};

Source source_of(const plan::Conv2dWeightPlan& plan, const plan::Conv2dWeightPlan::Block& block, const PixelBox& box) {
    return {block.group, plan.lane_block(block.lanes), plan.row_block(block.rows), box};
}

/// What the same worker probably reads after a task, with static schedules the first segment of the next.
template <class T>
std::optional<Source> next_source(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan,
                                  std::int64_t task) {
    if (task + 1 >= plan.tasks) return std::nullopt;
    const plan::Conv2dWeightPlan::Block next = plan.block(task + 1);
    const Range segments = context.segments(plan.segments, plan.segment_group(next.segment_group));
    if (segments.size() == 0) return std::nullopt;
    return source_of(plan, next, context.box(plan.segments, segments.begin));
}

/// Sums the segments of a block of grad_weight.
template <class T>
class BlockSums {
public:
    BlockSums(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan,
              const plan::Conv2dWeightPlan::Block& block, T* total, T* bias, Scratch<T> scratch)
        : context_(context),
          plan_(plan),
          block_(block),
          grad_output_(context.grad_output(block.group)),
          input_(context.input(block.group)),
          lanes_(plan.lane_block(block.lanes)),
          rows_(plan.row_block(block.rows)),
          tiles_{lanes_.size(), plan.block_tiles.vectors, plan.block_tiles.lanes},
          total_(total),
          bias_(bias),
          sums_(scratch.take(bias_state_elements<T>(output_channels().size()))),
          runs_(reinterpret_cast<Run*>(scratch.take(
              plan::Conv2dWeightPlan::run_elements(plan.problem.taps() * plan.segment_lines(), sizeof(T))))),
          run_counts_(reinterpret_cast<std::int64_t*>(
              scratch.take(plan::Conv2dWeightPlan::count_elements(plan.problem.taps(), sizeof(T))))),
          patches_(context, plan, block.group, lanes_, scratch),
          rest_(from_patches() ? patches_.rest() : scratch) {}

    void clear() { context_.kernels.pack->clear(total_, tiles_.padded() * rows_.size() * plan_.problem.taps()); }
    void clear_bias() {
        if (bias_) context_.kernels.pack->clear(bias_, output_channels().size());
    }

    /// Adds a segment; `ahead` is fetched on the side, and what is summed next.
    void add(const PixelBox& box, const std::optional<Source>& next, const FetchAhead& ahead, Finish finish) {
        const Window out = output_window(box), in = input_window(plan_.problem, box);
        if (bias_ && !sums_on_the_way()) add_bias_pass(context_, grad_output_, box, output_channels(), sums_, bias_);
        bool finite = lanes_out() || !multiplies_zeros() || finite_sums(box);
        if (!finite) return add_exact_sums(context_, plan_, block_, box, finish, total_);
        Scratch<T> pieces = rest_;
        const LaneOperand<T> lanes = bring_lanes(box, lanes_out() ? out : in, pieces, finite);
        if (!finite && multiplies_zeros()) return add_exact_sums(context_, plan_, block_, box, finish, total_);
        const RowOperand<T> rows = bring_rows(box, lanes_out() ? in : out, pieces);
        fetch(next, ahead);
        const SegmentTiles<T> segment{
            *context_.kernels.tile, plan_.problem, tiles_, plan_.side, rows_.size(), lanes, rows,
            prefetch_.queue(),      total_};
        segment.sum_taps(runs_, plan_.segment_lines(), run_counts_, listed_ && same_places(*listed_, box), finish);
        listed_ = box;
    }

private:
    /// Whether two segments differ in their images only: places count from the first one.
    static bool same_places(const PixelBox& a, const PixelBox& b) {
        return a.images() == b.images() && a.row_begin == b.row_begin && a.row_end == b.row_end &&
               a.column_begin == b.column_begin && a.column_end == b.column_end;
    }

    bool from_patches() const { return plan_.family == LaneFamily::patches; }
    bool by_kernel_rows() const { return plan_.family == LaneFamily::kernel_rows; }
    bool lanes_by_kernel_rows() const { return plan_.has_kernel_row_panel(plan_.side); }
    bool lanes_out() const { return plan_.side == LaneSide::grad_output; }
    const Range& output_channels() const { return output_channels(lanes_, rows_); }
    const Range& output_channels(const Range& lanes, const Range& rows) const { return lanes_out() ? lanes : rows; }

    /// Whether panels hold zeros for the padding: grad_output must then be finite.
    bool multiplies_zeros() const {
        return (from_patches() && pads(context_.problem)) || (by_kernel_rows() && pads_columns(context_.problem));
    }
    /// Whether the bias is summed while grad_output is transposed, and not before.
    bool sums_on_the_way() const {
        return bias_ && lanes_out() && context_.problem.layout == Layout::nchw && grad_output_.channel != 1;
    }

    /// Whether grad_output is finite, by the sums of the bias or by sums for that purpose.
    bool finite_sums(const PixelBox& box) {
        if (!bias_) sum_pass(context_, grad_output_, box, output_channels(), sums_);
        return sums_are_finite(context_, output_channels(), sums_);
    }

    LaneOperand<T> bring_lanes(const PixelBox& box, const Window& window, Scratch<T>& pieces, bool& finite) {
        const TensorView<const T>& tensor = lanes_out() ? grad_output_ : input_;
        T* const panel = pieces.take(plan_.lane_panel_elements(window.pixels()));
        if (lanes_by_kernel_rows()) {
            const Place place = pack_kernel_rows(context_, input_, box, window, panel);
            // The last vector of the last pixel reaches beyond it.
            context_.kernels.pack->clear(panel + window.images * place.image, tiles_.lanes);
            return {panel + lanes_.begin, place, true};
        }
        const LaneOperand<T> packed{panel, panel_place(window, 1), false};
        if (from_patches()) {
            patches_.pack(box, tiles_, panel);
            return packed;
        }
        if (is_panel(tensor, window, tiles_)) {
            if (multiplies_zeros()) finite = finite_sums(box);
            return {tensor.at(window.image_begin, lanes_.begin, window.rows.begin, window.columns.begin),
                    {window, tensor.image, tensor.row, tensor.pixel},
                    true};
        }
        if (!sums_on_the_way()) {
            finite = pack_lanes(context_, tensor, window, lanes_.begin, tiles_, panel);
            return packed;
        }
        context_.kernels.pack->clear(sums_, bias_state_elements<T>(output_channels().size()));
        pack_lanes(context_, tensor, window, lanes_.begin, tiles_, panel, sums_);
        add_sums(context_, output_channels(), sums_, bias_);
        if (multiplies_zeros()) finite = finite_sums(box);
        return packed;
    }

    RowOperand<T> bring_rows(const PixelBox& box, const Window& window, Scratch<T>& pieces) {
        T* const panel = pieces.take(plan_.row_panel_elements(window.pixels()));
        if (!plan_.has_kernel_row_panel(plan_.row_side()))
            return place_rows(context_, lanes_out() ? input_ : grad_output_, window, rows_, tiles_.padded(), panel);
        return {panel + rows_.begin, 1, pack_kernel_rows(context_, input_, box, window, panel)};
    }

    void fetch(const std::optional<Source>& next, const FetchAhead& ahead) {
        prefetch_.clear();
        prefetch_.add(ahead);
        if (!next) return;
        const auto& [group, lanes, rows, box] = *next;
        prefetch_window(context_.grad_output(group), output_window(box), output_channels(lanes, rows), prefetch_);
        prefetch_window(context_.input(group), input_window(context_.problem, box),
                        plan_.brings_all_inputs() ? Range{0, context_.problem.in_channels}
                        : lanes_out()             ? rows
                                                  : lanes,
                        prefetch_);
    }

    const Conv2dContext<T>& context_;
    const plan::Conv2dWeightPlan& plan_;
    const plan::Conv2dWeightPlan::Block& block_;
    const TensorView<const T> grad_output_, input_;
    const Range lanes_, rows_;
    const plan::LaneTiles tiles_;
    T *const total_, *const bias_;
    T* const sums_;
    Run* const runs_;
    std::int64_t* const run_counts_;
    Patches<T> patches_;
    const Scratch<T> rest_;
    PrefetchList<T> prefetch_;
    std::optional<PixelBox> listed_;  ///< the segment whose runs are in runs_
};

}  // namespace

template <class T>
void weight_channels_task(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan,
                          const plan::Conv2dWeightPlan::Block& block, T* total, T* bias, Scratch<T> scratch) noexcept {
    const Range whole = plan.segment_group(block.segment_group), segments = context.segments(plan.segments, whole);
    BlockSums<T> sums(context, plan, block, total, bias, scratch);
    if (segments.size() == 0) sums.clear();
    if (segments.begin == whole.begin) sums.clear_bias();
    for (std::int64_t s = segments.begin; s < segments.end; ++s) {
        const bool last = s + 1 == segments.end;
        const std::optional<Source> next = last ? next_source(context, plan, plan.task(block))
                                                : source_of(plan, block, context.box(plan.segments, s + 1));
        sums.add(context.box(plan.segments, s), next, context.ahead.part(s - segments.begin, segments.size()),
                 s == whole.begin ? Finish::store : Finish::add);
    }
}

template void weight_channels_task<float>(const Conv2dContext<float>&, const plan::Conv2dWeightPlan&,
                                          const plan::Conv2dWeightPlan::Block&, float*, float*,
                                          Scratch<float>) noexcept;
template void weight_channels_task<double>(const Conv2dContext<double>&, const plan::Conv2dWeightPlan&,
                                           const plan::Conv2dWeightPlan::Block&, double*, double*,
                                           Scratch<double>) noexcept;

}  // namespace backgrad::ops
