#include "ops/pool2d_run.hpp"

#include "threads/cache.hpp"
#include "threads/make_executor.hpp"

#include <algorithm>

namespace backgrad {
namespace {

kernels::Covers view(const plan::Pool2dCovers& covers) {
    return {covers.first.data(), covers.windows.data(), covers.taps.data()};
}

kernels::GatherProgram view(const plan::GatherProgram& program) {
    return {.first_step = program.first_step.data(),
            .base = program.base.data(),
            .loaded = program.loaded.data(),
            .taken = program.taken.data(),
            .pattern = program.pattern.data(),
            .relative = program.shifted() ? nullptr : program.relative.data(),
            .steps = program.steps_of_all(),
            .first_read = program.first_read(),
            .end_read = program.end_read()};
}

kernels::Pool2dLine view(const plan::Pool2dLines& lines) {
    return {.planes = lines.planes,
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

/// Bytes that one execution touches.
std::int64_t touched_bytes(const Pool2dShape& shape, plan::Pool2dReads reads, std::int64_t element_bytes) {
    const std::int64_t in = pool2d_input_elements(shape), out = pool2d_output_elements(shape);
    const std::int64_t tensors = (in + out) * element_bytes;
    switch (reads) {
        case plan::Pool2dReads::nothing:
            return tensors;
        case plan::Pool2dReads::plane_indices:
            return tensors + out * static_cast<std::int64_t>(sizeof(std::int32_t));
        case plan::Pool2dReads::window_offsets:
            return tensors + out;
        case plan::Pool2dReads::input:
            return tensors + in * element_bytes;
    }
    return tensors;
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

}  // namespace

template <class T>
Pool2dRun<T>::Pool2dRun(std::string_view operation, const Pool2dShape& asked, Layout layout, WriteMode mode,
                        const Strategy& strategy, plan::Pool2dReads reads) {
    const Partition partition = choose_strategy(operation, layout, strategy);
    const Pool2dShape shape = canonical(asked);
    problem_ = describe(shape, mode);
    tasks_ =
        plan::make_tasks(shape.batch, shape.channels, shape.in_height, shape.in_width, layout, sizeof(T), partition);
    if (tasks_.empty()) return;
    const bool any_window = pool2d_output_elements(asked) > 0;
    if (!any_window) problem_.out_height = problem_.out_width = problem_.output_elements = 0;
    rows_ = plan::make_covers(any_window ? plan::height_axis(shape) : plan::Pool2dAxis{.in = shape.in_height});
    columns_ = plan::make_covers(any_window ? plan::width_axis(shape) : plan::Pool2dAxis{.in = shape.in_width});
    problem_.source = source_of(reads);
    problem_.streaming = touched_bytes(shape, reads, sizeof(T)) > threads::last_level_cache_bytes();
    problem_.cached_rows = std::max<std::int64_t>(1, rows_.span());
    layout == Layout::nchw ? plan_nchw(shape, reads) : plan_nhwc(shape, reads);
    point_to_plan();
}

template <class T>
Pool2dRun<T>::Pool2dRun(std::string_view operation, const GlobalAvgPool2dShape& shape, Layout layout, WriteMode mode,
                        const Strategy& strategy) {
    const Partition partition = choose_strategy(operation, layout, strategy);
    tasks_ =
        plan::make_tasks(shape.batch, shape.channels, shape.in_height, shape.in_width, layout, sizeof(T), partition);
    problem_.channels = shape.channels;
    problem_.in_height = shape.in_height;
    problem_.in_width = shape.in_width;
    problem_.accumulate = mode == WriteMode::accumulate;
    const std::int64_t elements = shape.batch * shape.channels * shape.in_height * shape.in_width;
    problem_.streaming = elements * static_cast<std::int64_t>(sizeof(T)) > threads::last_level_cache_bytes();
    kernel_ = layout == Layout::nchw ? table_->global_average_nchw : table_->global_average_nhwc;
}

template <class T>
Partition Pool2dRun<T>::choose_strategy(std::string_view operation, Layout layout, const Strategy& asked) {
    strategy_ = threads::resolve(asked);
    strategy_.isa = isa::resolve(asked.isa);
    table_ = &isa::table(strategy_.isa).pool2d<T>();
    executor_ = threads::make_executor(strategy_);
    // Nothing is summed across tasks, and `automatic` cuts planes (NCHW) or rows of pixels (NHWC).
    strategy_.reduction = Reduction::owner;
    const Partition partition = strategy_.partition;
    if (strategy_.partition == Partition::automatic) {
        strategy_.partition = layout == Layout::nchw ? Partition::batch_channel : Partition::spatial;
    }
    threads::report_plan(operation, strategy_);
    return partition;
}

template <class T>
void Pool2dRun<T>::plan_nchw(const Pool2dShape& shape, plan::Pool2dReads reads) {
    const bool whole_planes = std::all_of(tasks_.begin(), tasks_.end(), [&](const plan::Pool2dTask& task) {
        return task.row_begin == 0 && task.row_end == shape.in_height;
    });
    lines_ = plan::make_lines(shape, reads, rows_, columns_, limits(), whole_planes);
    if (reads == plan::Pool2dReads::nothing) {
        kernel_ = lines_.fits ? table_->average_nchw : table_->average_any_nchw;
    } else {
        kernel_ = lines_.fits ? table_->max_nchw : table_->max_any_nchw;
    }
}

template <class T>
void Pool2dRun<T>::plan_nhwc(const Pool2dShape& shape, plan::Pool2dReads reads) {
    if (reads == plan::Pool2dReads::nothing) {
        kernel_ = table_->average_nhwc;
    } else if (reads == plan::Pool2dReads::input) {
        const plan::Pool2dBlocks blocks = plan::make_blocks(shape, rows_, columns_, limits());
        problem_.channels_per_block = blocks.channels;
        problem_.columns_per_block = blocks.columns;
        kernel_ = blocks.fits ? table_->max_nhwc : table_->max_any_nhwc;
    } else {
        kernel_ = table_->max_nhwc;
    }
}

template <class T>
plan::Pool2dKernelLimits Pool2dRun<T>::limits() const {
    return {.lanes = table_->lanes,
            .scratch_elements = kernels::pool2d_scratch_elements,
            .max_rows = kernels::pool2d_max_rows};
}

template <class T>
void Pool2dRun<T>::point_to_plan() {
    problem_.rows = view(rows_);
    problem_.columns = view(columns_);
    problem_.line = view(lines_);
}

template <class T>
void Pool2dRun<T>::run(const kernels::Pool2dTensors<T>& tensors) const noexcept {
    threads::run(*executor_, static_cast<std::int64_t>(tasks_.size()), [&](std::int64_t task, int) noexcept {
        const plan::Pool2dTask& t = tasks_[static_cast<std::size_t>(task)];
        kernel_(problem_, tensors,
                {t.batch_begin, t.batch_end, t.channel_begin, t.channel_end, t.row_begin, t.row_end});
    });
}

template class Pool2dRun<float>;
template class Pool2dRun<double>;

}  // namespace backgrad
