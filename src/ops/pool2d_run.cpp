#include "ops/pool2d_run.hpp"

#include "ops/phase_executor.hpp"
#include "threads/cache.hpp"
#include "threads/make_executor.hpp"

#include <algorithm>

namespace backgrad {
namespace {

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

}  // namespace

template <class T>
Pool2dRun<T>::Pool2dRun(std::string_view operation, const Pool2dShape& shape, Layout layout, WriteMode mode,
                        const Strategy& strategy, plan::Pool2dReads reads) {
    const Partition partition = choose_strategy(operation, layout, strategy);
    tasks_ = plan::make_tasks(shape.batch, shape.channels, shape.in_height, shape.in_width, layout, sizeof(T),
                              partition, plan::row_cuts(shape, reads));
    if (tasks_.empty()) return;
    const std::int64_t bytes = touched_bytes(shape, reads, sizeof(T));
    executor_ = ops::phase_executor(executor_, strategy, strategy_, plan::moving_cycles(static_cast<double>(bytes)));
    const bool streaming = threads::exceeds_last_level_cache(bytes);
    const bool fetching = threads::exceeds_near_caches(bytes);
    const bool whole_planes = std::all_of(tasks_.begin(), tasks_.end(), [&](const plan::Pool2dTask& task) {
        return task.row_begin == 0 && task.row_end == shape.in_height;
    });
    const bool whole_pixels = std::all_of(tasks_.begin(), tasks_.end(), [&](const plan::Pool2dTask& task) {
        return layout == Layout::nchw || task.channel_end - task.channel_begin == shape.channels;
    });
    gather_.emplace(shape, layout, reads, *table_, Pool2dWrites{mode, streaming, fetching, whole_planes, whole_pixels});
}

template <class T>
Pool2dRun<T>::Pool2dRun(std::string_view operation, const GlobalAvgPool2dShape& shape, Layout layout, WriteMode mode,
                        const Strategy& strategy) {
    const Partition partition = choose_strategy(operation, layout, strategy);
    tasks_ =
        plan::make_tasks(shape.batch, shape.channels, shape.in_height, shape.in_width, layout, sizeof(T), partition);
    global_.channels = shape.channels;
    global_.in_height = shape.in_height;
    global_.in_width = shape.in_width;
    global_.accumulate = mode == WriteMode::accumulate;
    const std::int64_t elements = shape.batch * shape.channels * shape.in_height * shape.in_width;
    executor_ = ops::phase_executor(executor_, strategy, strategy_,
                                    plan::moving_cycles(static_cast<double>(elements) * sizeof(T)));
    // A tensor that is only written has the cache for itself.
    global_.streaming = elements * static_cast<std::int64_t>(sizeof(T)) > threads::last_level_cache_bytes();
    global_kernel_ = layout == Layout::nchw ? table_->global_average_nchw : table_->global_average_nhwc;
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
void Pool2dRun<T>::run(const kernels::Pool2dTensors<T>& tensors) const noexcept {
    threads::run(*executor_, static_cast<std::int64_t>(tasks_.size()), [&](std::int64_t task, int) noexcept {
        const plan::Pool2dTask& t = tasks_[static_cast<std::size_t>(task)];
        const kernels::Pool2dBox box{t.batch_begin, t.batch_end, t.channel_begin,
                                     t.channel_end, t.row_begin, t.row_end};
        if (gather_) return gather_->compute(tensors, box);
        global_kernel_(global_, tensors, box);
    });
}

template class Pool2dRun<float>;
template class Pool2dRun<double>;

}  // namespace backgrad
