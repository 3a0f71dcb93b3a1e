#include "ops/pool2d_gather.hpp"

#include <algorithm>
#include <utility>

namespace backgrad {
namespace {

/// NHWC, windows apart: channels up to which images are lines rather than pixels. Programs grow with them.
constexpr std::int64_t few_channels = 32;

kernels::Covers view(const plan::Pool2dCovers& covers) {
    return {covers.first.data(), covers.windows.data(), covers.taps.data()};
}

kernels::GatherProgram view(const plan::GatherProgram& program) {
    return {.first_step = program.first_step.data(),
            .base = program.base.data(),
            .loaded = program.loaded.data(),
            .taken = program.taken.data(),
            .key = program.key.data(),
            .pattern = program.pattern.data(),
            .relative = program.shifted() ? nullptr : program.relative.data(),
            .steps = program.steps_of_all(),
            .first_read = program.first_read(),
            .end_read = program.end_read()};
}

kernels::Pool2dLine view(const plan::Pool2dLines& lines) {
    return {.planes = lines.planes,
            .channels = lines.channels,
            .gather = view(lines.gather),
            .maxima = view(lines.maxima),
            .positions = lines.positions.data() + lines.margin,
            .first_cells = lines.first_cells.data(),
            .window_rows = lines.window_rows.data(),
            .window_columns = lines.window_columns.data(),
            .scratch_rows = lines.scratch_rows,
            .scratch_pitch = lines.scratch_pitch,
            .margin = lines.margin};
}

kernels::Pool2dPhases view(const plan::Pool2dPhases& plan) {
    return {.channels = plan.channels,
            .lowest_row = plan.rows.lowest,
            .highest_row = plan.rows.highest,
            .positions = plan.positions.data(),
            .steps_per_block = plan.steps_per_block,
            .pitch = plan.pitch,
            .margin = plan.margin,
            .first_window = plan.first_window.data(),
            .windows = plan.windows.data(),
            .window_rows = plan.window_rows.data(),
            .window_columns = plan.window_columns.data(),
            .first_cells = plan.first_cells.data(),
            .cells = plan.cells.data(),
            .cell_pitch = plan.cell_pitch,
            .cell_rows = plan.cell_rows};
}

kernels::Pool2dScatter view(const plan::Pool2dScatter& plan) {
    return {.planes = plan.planes,
            .rows = plan.rows,
            .window_rows = plan.window_rows.data(),
            .window_columns = plan.window_columns.data(),
            .first_cells = plan.first_cells.data(),
            .last_cells = plan.last_cells.data()};
}

kernels::MaximumSource source_of(plan::Pool2dReads reads) {
    switch (reads) {
        case plan::Pool2dReads::plane_indices:
            return kernels::MaximumSource::plane_indices;
        case plan::Pool2dReads::window_offsets:
            return kernels::MaximumSource::window_offsets;
        case plan::Pool2dReads::nothing:
        case plan::Pool2dReads::input:
            break;
    }
    return kernels::MaximumSource::input;
}

/// The same pooling in sizes that the plan can compute with: a stride beyond the input and the dilation of a single
/// cell mean nothing, and where no window fits its size means nothing either.
Pool2dShape canonical(Pool2dShape s) {
    if (s.out_height() == 0 || s.out_width() == 0) {
        return {.batch = s.batch, .channels = s.channels, .in_height = s.in_height, .in_width = s.in_width};
    }
    s.stride_height = std::min(s.stride_height, s.in_height + s.padding_top + s.padding_bottom);
    s.stride_width = std::min(s.stride_width, s.in_width + s.padding_left + s.padding_right);
    if (s.window_height == 1) s.dilation_height = 1;
    if (s.window_width == 1) s.dilation_width = 1;
    return s;
}

kernels::Pool2dProblem describe(const Pool2dShape& s, WriteMode mode) {
    kernels::Pool2dProblem problem{};
    problem.input_elements = pool2d_input_elements(s);
    problem.output_elements = pool2d_output_elements(s);
    problem.channels = s.channels;
    problem.in_height = s.in_height;
    problem.in_width = s.in_width;
    problem.out_height = s.out_height();
    problem.out_width = s.out_width();
    problem.window_height = s.window_height;
    problem.window_width = s.window_width;
    problem.stride_height = s.stride_height;
    problem.stride_width = s.stride_width;
    problem.padding_top = s.padding_top;
    problem.padding_left = s.padding_left;
    problem.dilation_height = s.dilation_height;
    problem.dilation_width = s.dilation_width;
    problem.accumulate = mode == WriteMode::accumulate;
    return problem;
}

template <class T>
plan::Pool2dKernelLimits limits(const kernels::Pool2dKernels<T>& table) {
    return {.lanes = table.lanes,
            .scratch_elements = kernels::pool2d_scratch_elements,
            .max_rows = kernels::pool2d_max_rows,
            .phase_elements = kernels::pool2d_phase_elements,
            .max_cells = kernels::pool2d_max_cells,
            .max_stride = kernels::pool2d_max_stride,
            .max_windows = kernels::pool2d_max_windows,
            .strip_windows = kernels::pool2d_strip_windows - 2 * kernels::pool2d_strip_margin,
            .strip_cells = kernels::pool2d_strip_cells - 2 * kernels::pool2d_strip_margin,
            .strip_room = kernels::pool2d_strip_room_bytes / static_cast<std::int64_t>(sizeof(T)),
            .scatter_pixels = kernels::pool2d_scatter_pixels,
            .scatter_windows = kernels::pool2d_scatter_windows,
            .many_registers = table.many_registers,
            .whole_lines = table.whole_lines,
            .tile_windows = kernels::pool2d_tile_windows / kernels::pool2d_tile_window_rows};
}

}  // namespace

template <class T>
Pool2dGather<T>::Pool2dGather(const Pool2dShape& asked, Layout layout, plan::Pool2dReads reads,
                              const kernels::Pool2dKernels<T>& table, const Pool2dWrites& writes) {
    const Pool2dShape shape = canonical(asked);
    // A single channel is a plane in either layout.
    if (shape.channels == 1) layout = Layout::nchw;
    const bool any_window = pool2d_output_elements(asked) > 0;
    rows_ = plan::make_covers(any_window ? plan::height_axis(shape) : plan::Pool2dAxis{.in = shape.in_height});
    columns_ = plan::make_covers(any_window ? plan::width_axis(shape) : plan::Pool2dAxis{.in = shape.in_width});
    problem_ = describe(shape, writes.mode);
    if (!any_window) problem_.out_height = problem_.out_width = problem_.output_elements = 0;
    problem_.source = source_of(reads);
    problem_.streaming = writes.streaming;
    problem_.fetching = writes.fetching;
    problem_.cached_rows = std::max<std::int64_t>(1, rows_.span());
    const bool averages = reads == plan::Pool2dReads::nothing;
    const auto simple = plan::simple_windows(shape, layout, reads);
    switch (any_window ? simple : plan::Pool2dSimpleWindows::none) {
        case plan::Pool2dSimpleWindows::separate:
            kernel_ = table.max_separate_nhwc;
            // The hardware's prefetchers follow longer pixels on their own.
            problem_.fetching = writes.fetching && shape.channels < 256;
            break;
        case plan::Pool2dSimpleWindows::pairs:
            kernel_ = averages ? table.average_pairs_nchw : table.max_pairs_nchw;
            break;
        case plan::Pool2dSimpleWindows::whole_plane:
            kernel_ = averages ? table.average_whole_plane_nchw : table.max_whole_plane_nchw;
            break;
        case plan::Pool2dSimpleWindows::none:
            plan_kernel(shape, layout, reads, table, writes);
    }
    problem_.rows = view(rows_);
    problem_.columns = view(columns_);
    problem_.line = view(lines_);
    problem_.phases = view(phases_);
    problem_.scatter = view(scatter_);
}

template <class T>
void Pool2dGather<T>::plan_kernel(const Pool2dShape& shape, Layout layout, plan::Pool2dReads reads,
                                  const kernels::Pool2dKernels<T>& table, const Pool2dWrites& writes) {
    // As lines, small images leave no lane idle but those at the end of long pixels.
    const bool whole_vectors = shape.channels <= table.lanes || shape.channels % table.lanes == 0;
    if (layout == Layout::nhwc && whole_vectors && plan_images(shape, reads, table, writes)) return;
    if (layout == Layout::nhwc && plan::has_row_tiles(shape, reads, rows_, limits(table))) {
        // The hardware's prefetchers follow runs of short pixels on their own.
        problem_.fetching = writes.fetching && (writes.streaming || shape.channels >= 64);
        kernel_ = reads == plan::Pool2dReads::nothing ? table.average_row_tiles_nhwc : table.max_row_tiles_nhwc;
        return;
    }
    if (layout == Layout::nhwc && !whole_vectors && plan_images(shape, reads, table, writes)) return;
    scatter_ = plan::make_scatter(shape, layout, reads, limits(table), writes.whole_planes);
    if (scatter_.fits) {
        kernel_ = table.max_scatter_nchw;
        return;
    }
    if (layout == Layout::nchw)
        problem_.strip_steps = plan::strip_steps(shape, reads, limits(table), writes.whole_planes);
    if (problem_.strip_steps > 0) {
        problem_.strip_planes = plan::strip_planes(shape, reads, limits(table), writes.whole_planes);
        kernel_ = reads == plan::Pool2dReads::nothing ? table.average_strips_nchw : table.max_strips_nchw;
        return;
    }
    // Pixels of a vector and more that meet one window, or none, are written in runs; phases serve few channels only.
    const bool runs =
        layout == Layout::nhwc && reads != plan::Pool2dReads::input && shape.channels >= table.lanes && !overlap();
    if (!runs) phases_ = plan::make_phases(shape, layout, reads, limits(table), writes.whole_pixels);
    if (phases_.fits) {
        kernel_ = reads == plan::Pool2dReads::nothing ? table.average_phases : table.max_phases;
    } else if (layout == Layout::nchw) {
        plan_nchw(shape, reads, table, writes.whole_planes);
    } else {
        plan_nhwc(shape, reads, table);
    }
}

template <class T>
bool Pool2dGather<T>::plan_images(const Pool2dShape& shape, plan::Pool2dReads reads,
                                  const kernels::Pool2dKernels<T>& table, const Pool2dWrites& writes) {
    if (overlap() || reads == plan::Pool2dReads::input || shape.channels > few_channels) return false;
    const bool whole_images = writes.whole_planes && writes.whole_pixels;
    plan::Pool2dLines lines =
        plan::make_lines(shape, reads, rows_, columns_, limits(table), whole_images, shape.channels);
    if (!lines.fits) return false;
    lines_ = std::move(lines);
    kernel_ = reads == plan::Pool2dReads::nothing ? table.average_nchw : table.max_nchw;
    return true;
}

template <class T>
void Pool2dGather<T>::plan_nchw(const Pool2dShape& shape, plan::Pool2dReads reads,
                                const kernels::Pool2dKernels<T>& table, bool whole_planes) {
    lines_ = plan::make_lines(shape, reads, rows_, columns_, limits(table), whole_planes);
    if (reads == plan::Pool2dReads::nothing) {
        kernel_ = lines_.fits ? table.average_nchw : table.average_any_nchw;
    } else {
        kernel_ = lines_.fits ? table.max_nchw : table.max_any_nchw;
    }
}

template <class T>
void Pool2dGather<T>::plan_nhwc(const Pool2dShape& shape, plan::Pool2dReads reads,
                                const kernels::Pool2dKernels<T>& table) {
    const bool averages = reads == plan::Pool2dReads::nothing;
    problem_.channels_per_block = plan::tile_channels(shape, reads, limits(table));
    if (problem_.channels_per_block > 0) {
        kernel_ = table.max_input_row_tiles_nhwc;
        return;
    }
    problem_.channels_per_block = plan::overlap_channels(shape, reads, rows_, limits(table));
    if (problem_.channels_per_block > 0 && (overlap() || reads == plan::Pool2dReads::input)) {
        kernel_ = averages ? table.average_overlap_nhwc : table.max_overlap_nhwc;
        return;
    }
    if (reads == plan::Pool2dReads::nothing) {
        kernel_ = table.average_nhwc;
    } else if (reads == plan::Pool2dReads::input) {
        const plan::Pool2dBlocks blocks = plan::make_blocks(shape, rows_, columns_, limits(table));
        problem_.channels_per_block = blocks.channels;
        problem_.columns_per_block = blocks.columns;
        kernel_ = blocks.fits ? table.max_nhwc : table.max_any_nhwc;
    } else {
        kernel_ = table.max_nhwc;
    }
}

template class Pool2dGather<float>;
template class Pool2dGather<double>;

}  // namespace backgrad
