#include "ops/conv2d_input_tiles.hpp"

#include <algorithm>
#include <optional>

namespace backgrad::ops {

using kernels::Finish;
using kernels::Run;
using plan::Conv2dInputPlan;
using plan::EvenParts;
using plan::LaneFamily;
using plan::Range;
using plan::TileAxis;

namespace {

/// True if a tap reaches grad_output from a position of grad_input, by its phase.
bool any_tap_meets(std::int64_t position, std::int64_t taps, std::int64_t dilation, std::int64_t stride) {
    for (std::int64_t tap = 0; tap < taps; ++tap)
        if ((position - tap * dilation) % stride == 0) return true;
    return false;
}

/// The same from pixel (y, x), and so from all pixels of its phases.
bool any_tap_meets(const plan::Conv2dProblem& p, std::int64_t y, std::int64_t x) {
    return any_tap_meets(y + p.padding_top, p.kernel_height, p.dilation_height, p.stride_height) &&
           any_tap_meets(x + p.padding_left, p.kernel_width, p.dilation_width, p.stride_width);
}

/// How the weights of a tile are ordered: packed, in units of the tile's width, or copied as they lie, in elements.
struct WeightOrder {
    std::int64_t output = 0;  ///< between copied output channels; 0 where they are packed
    bool reversed = false;    ///< copied: a rotated kernel is the adjoint of the kernel read backwards
    std::int64_t term = 1;    ///< from one term to the next

    /// Of the first of `size` output channels, counted from the first that is there.
    std::int64_t at(const plan::Conv2dProblem& p, std::int64_t channel, std::int64_t size, std::int64_t tap) const {
        if (output == 0) return packed_unit(p, channel, size, tap);
        return channel * output + (reversed ? p.taps() - 1 - tap : tap);
    }
};

/// The pixels of a tile along either axis. Where a tap reaches some of them, the panel's zeros stand in for the others'
/// grad_output; where it reaches none it is left out.
struct TileExtent {
    std::int64_t rows, columns;
};

/// Whether grad_output has any of `count` positions from `first` on.
bool has_any(std::int64_t first, std::int64_t count, std::int64_t size) { return first + count > 0 && first < size; }

/// Lists the terms of a tile from pixel (y, x) on over some output channels, whose weights come first; for the pixels
/// one stride further along an axis they lie one row or column of the panel further.
template <class T>
std::int64_t list_runs(const plan::Conv2dProblem& p, const Conv2dInputPlan& plan, const InputPanel<T>& panel,
                       std::int64_t y, std::int64_t x, const TileExtent& tile, Range outputs, const WeightOrder& order,
                       Run* runs) {
    std::int64_t count = 0;
    if (!any_tap_meets(p, y, x)) return 0;
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
            const std::int64_t out_y = up / p.stride_height;
            if (!has_any(out_y, tile.rows, p.out_height)) continue;
            for (std::int64_t c = 0; c < p.kernel_width; ++c) {
                const std::int64_t left = x + p.padding_left - c * p.dilation_width;
                if (left % p.stride_width != 0) continue;
                const std::int64_t out_x = left / p.stride_width;
                if (!has_any(out_x, tile.columns, p.out_width)) continue;
                const std::int64_t tap = r * p.kernel_width + c;
                const std::int64_t weights = order.at(p, channel - outputs.begin, size, tap);
                const std::int64_t values = panel.offset(out_y, out_x, channel);
                // With one tap the next block of channels goes on where the last one ended, with one channel the tap.
                const bool goes_on =
                    count > 0 && offset_of_weights(runs[count - 1]) + runs[count - 1].count * order.term == weights &&
                    offset_of_values(runs[count - 1]) + runs[count - 1].count * panel.term == values;
                if (goes_on) runs[count - 1].count += size;
                else runs[count++] = lanes_are_weights ? Run{weights, values, size} : Run{values, weights, size};
            }
        }
    }
    return count;
}

/// The terms of the tiles of a phase. They are listed once for neighbours that the same taps reach.
template <class T>
class PhaseTerms {
public:
    PhaseTerms(const BlockWork<T>& work, const Phase& rows, const Phase& columns, Range outputs,
               const WeightOrder& order)
        : work_(work), rows_(rows), columns_(columns), outputs_(outputs), order_(order) {}

    /// Makes `count` and `shift` those of the tile from pixel (row, column) of the phase on.
    void move_to(std::int64_t row, std::int64_t column, const TileExtent& tile) {
        const plan::Conv2dProblem& p = work_.context.problem;
        const std::int64_t y = rows_.first + row * p.stride_height, x = columns_.first + column * p.stride_width;
        const Place at{row, column,
                       all_reach(y + p.padding_top, (tile.rows - 1) * p.stride_height,
                                 (p.kernel_height - 1) * p.dilation_height, p.out_height * p.stride_height),
                       all_reach(x + p.padding_left, (tile.columns - 1) * p.stride_width,
                                 (p.kernel_width - 1) * p.dilation_width, p.out_width * p.stride_width)};
        if (!listed_ || !at.has_taps_of(*listed_)) {
            count = list_runs(p, work_.plan, work_.panel, y, x, tile, outputs_, order_, work_.runs);
            listed_ = at;
        }
        shift = (row - listed_->row) * work_.panel.row + (column - listed_->column) * work_.panel.column;
    }

    std::int64_t count = 0;  ///< of the runs
    std::int64_t shift = 0;  ///< elements of the panel from what the runs say to what the tile meets

private:
    /// The first pixel of a tile, and whether every tap of the phase reaches the tile along either axis.
    struct Place {
        std::int64_t row, column;
        bool all_rows, all_columns;

        bool has_taps_of(const Place& other) const {
            return ((all_rows && other.all_rows) || row == other.row) &&
                   ((all_columns && other.all_columns) || column == other.column);
        }
    };

    /// Whether no tap is left out for a tile from `position` to `extent` further: the last tap reaches back by `reach`,
    /// the first one not at all, and grad_output ends before `end`.
    static bool all_reach(std::int64_t position, std::int64_t extent, std::int64_t reach, std::int64_t end) {
        return position + extent >= reach && position < end;
    }

    const BlockWork<T>& work_;
    const Phase rows_, columns_;
    const Range outputs_;
    const WeightOrder order_;
    std::optional<Place> listed_;
};

/// Elements between neighbouring pixels.
struct PixelSteps {
    std::int64_t image, row, column;

    std::int64_t along(TileAxis axis) const {
        return axis == TileAxis::across_images ? image : axis == TileAxis::down ? row : column;
    }
};

/// Positions of grad_input between the pixels of a register tile.
std::int64_t stride_along(const plan::Conv2dProblem& p, TileAxis axis) {
    return axis == TileAxis::across_images ? 1 : axis == TileAxis::down ? p.stride_height : p.stride_width;
}

/// Cuts the pixels of a phase into register tiles of at most `limit`, evenly: compute(image, row, column, pixels).
template <class Compute>
void for_each_tile(TileAxis axis, std::int64_t images, std::int64_t rows, std::int64_t columns, std::int64_t limit,
                   const Compute& compute) {
    if (axis == TileAxis::beside) {
        const EvenParts parts(columns, limit);
        for (std::int64_t row = 0; row < rows; ++row)
            parts.for_each([&](Range part) { compute(0, row, part.begin, part.size()); });
    } else if (axis == TileAxis::down) {
        const EvenParts parts(rows, limit);
        for (std::int64_t column = 0; column < columns; ++column)
            parts.for_each([&](Range part) { compute(0, part.begin, column, part.size()); });
    } else {
        const EvenParts parts(images, limit);
        for (std::int64_t row = 0; row < rows; ++row)
            for (std::int64_t column = 0; column < columns; ++column)
                parts.for_each([&](Range part) { compute(part.begin, row, column, part.size()); });
    }
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
    const TileAxis axis = work.plan.tile_axis;
    // Across images no zero is a term.
    const bool exact = work.exact && axis != TileAxis::across_images;
    const std::int64_t limit = exact ? 1 : tile.rows_limit[vectors];
    const plan::InputBlock& block = work.block;
    const std::int64_t images = block.images.size();
    // From one pixel of a tile to the next: in the panel, where sums wait, and where they go.
    const PixelSteps panel{work.panel.image, work.panel.row, work.panel.column};
    const PixelSteps staged{block.rows.size() * block.columns.size() * width, block.columns.size() * width, width};
    const PixelSteps written{work.grad_input.image, work.grad_input.row, work.grad_input.pixel};
    const std::int64_t panel_step = panel.along(axis);
    const std::int64_t staged_step = staged.along(axis) * stride_along(p, axis);
    const std::int64_t in_place_step = written.along(axis) * stride_along(p, axis);

    const auto staged_at = [&](std::int64_t image, std::int64_t y, std::int64_t x) {
        return work.staging + image * staged.image + (y - block.rows.begin) * staged.row +
               (x - block.columns.begin) * staged.column;
    };
    const auto target_at = [&](std::int64_t image, std::int64_t y, std::int64_t x) {
        return in_place ? work.grad_input.at(block.images.begin + image, channels.begin, y, x) : staged_at(image, y, x);
    };
    const auto clear_phase = [&](const Phase& rows, const Phase& columns) {
        if (in_place ? work.finish == Finish::add : !begins) return;
        const std::int64_t pixel = in_place ? work.grad_input.pixel : width;
        for (std::int64_t image = 0; image < images; ++image)
            for (std::int64_t i = 0, y = rows.first; i < rows.count; ++i, y += p.stride_height)
                work.context.kernels.pack->clear_columns(target_at(image, y, columns.first), p.stride_width * pixel,
                                                         columns.count, in_place ? channels.size() : width);
    };
    work.for_each_phase([&](const Phase& rows, const Phase& columns) {
        // Register tiles without terms would do, and have the streaming stores.
        if (!work.streaming && !any_tap_meets(p, rows.first, columns.first)) return clear_phase(rows, columns);
        PhaseTerms<T> terms(work, rows, columns, outputs, {});
        const auto compute = [&](std::int64_t image, std::int64_t row, std::int64_t column, std::int64_t pixels) {
            terms.move_to(row, column, {axis == TileAxis::down ? pixels : 1, axis == TileAxis::beside ? pixels : 1});
            const std::int64_t y = rows.first + row * p.stride_height, x = columns.first + column * p.stride_width;
            const kernels::TileOperands<T> operands{weights,
                                                    weight_step,
                                                    weight_step,
                                                    tile.lanes,
                                                    work.panel.data + image * panel.image + terms.shift,
                                                    1,
                                                    work.panel.term,
                                                    panel_step,
                                                    work.runs,
                                                    terms.count,
                                                    work.prefetch,
                                                    begins ? nullptr : staged_at(image, y, x),
                                                    staged_step};
            tile.function[vectors][pixels](
                operands, {target_at(image, y, x), in_place ? in_place_step : staged_step, tile.lanes, tile.lanes,
                           last_lanes, in_place ? work.finish : Finish::store, in_place && work.streaming});
        };
        for_each_tile(axis, images, rows.count, columns.count, limit, compute);
    });
    if (in_place || !ends) return;
    const bool whole_rows = block.columns.size() == p.in_width;
    const std::int64_t steps = whole_rows ? 1 : block.rows.size();
    const std::int64_t pixels = block.rows.size() * block.columns.size() / steps;
    for (std::int64_t image = 0; image < images; ++image)
        for (std::int64_t i = 0; i < steps; ++i)
            work.context.kernels.pack->transpose_out(work.staging + image * staged.image + i * staged.row, width,
                                                     pixels, channels.size(),
                                                     work.grad_input.at(block.images.begin + image, channels.begin,
                                                                        block.rows.begin + i, block.columns.begin),
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
    const std::int64_t output = channels.size() * p.taps(), tap = p.rotated_kernel ? -1 : 1;
    const WeightOrder order =
        copied ? WeightOrder{output, p.rotated_kernel, has_tap_terms(p) ? tap : output} : WeightOrder{};
    const std::int64_t rows = channels.size(), most = work.exact ? 1 : work.plan.pixel_vectors;
    const std::int64_t step = work.exact ? 1 : along_rows ? tile.lanes : most * tile.lanes;

    work.for_each_phase([&](const Phase& lines, const Phase& columns) {
        const std::int64_t size = columns.count, staging_line = plan::round_up(size, tile.lanes);
        PhaseTerms<T> terms(work, lines, columns, all, order);
        EvenParts(lines.count, along_rows ? most : 1).for_each([&](Range some) {
            const std::int64_t y = lines.first + some.begin * p.stride_height;
            T* line = work.grad_input.at(work.block.images.begin, channels.begin, y, columns.first);
            T* to = in_place ? line : work.staging;
            const std::int64_t to_row = in_place ? work.grad_input.channel : some.size() * staging_line;
            const std::int64_t to_line = in_place ? p.stride_height * work.grad_input.row : staging_line;
            for (std::int64_t x = 0; x < size; x += step) {
                const std::int64_t width = std::min(step, size - x);
                terms.move_to(some.begin, x, {some.size(), width});
                const std::int64_t vectors = along_rows ? some.size() : plan::ceil_div(width, tile.lanes);
                const int last = static_cast<int>(along_rows ? width : width - (vectors - 1) * tile.lanes);
                const kernels::TileOperands<T> operands{work.panel.data + terms.shift,
                                                        1,
                                                        work.panel.term,
                                                        along_rows ? work.panel.row : tile.lanes,
                                                        weights,
                                                        copied ? 1 : rows,
                                                        copied ? order.term : rows,
                                                        copied ? p.taps() : 1,
                                                        work.runs,
                                                        terms.count,
                                                        work.prefetch};
                tile.function[vectors][rows](
                    operands, {to + x, to_row, along_rows ? to_line : tile.lanes, along_rows ? last : tile.lanes, last,
                               in_place ? work.finish : Finish::store,
                               in_place && work.streaming && along_rows && last == tile.lanes});
            }
            for (std::int64_t v = 0; v < (in_place ? 0 : some.size()); ++v)
                work.context.kernels.pack->copy_out(work.staging + v * staging_line, to_row, rows, size,
                                                    line + v * p.stride_height * work.grad_input.row,
                                                    work.grad_input.channel, p.stride_width * work.grad_input.pixel,
                                                    work.finish);
        });
    });
}

template void channel_tile(const BlockWork<float>&, Range, Range, const float*);
template void channel_tile(const BlockWork<double>&, Range, Range, const double*);
template void pixel_tile(const BlockWork<float>&, Range, const float*);
template void pixel_tile(const BlockWork<double>&, Range, const double*);

}  // namespace backgrad::ops
