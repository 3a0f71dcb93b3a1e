#include "plan/pool2d_plan.hpp"

#include <algorithm>

namespace backgrad::plan {
namespace {

/// Enough tasks for any machine of today, and none so small that handing it out costs more than doing it.
constexpr std::int64_t most_tasks = 1024;
constexpr std::int64_t least_task_bytes = 16 * 1024;

/// Planes from which on there is enough to do for any machine without cutting a plane: whole planes are faster.
constexpr std::int64_t enough_planes = 256;

/// Heights of windows that a task has at least where it shares the windows at its ends with others.
constexpr std::int64_t shared_windows = 4;

/// The goal for one task, in elements of grad_input.
std::int64_t task_elements(std::int64_t elements, std::size_t element_bytes) {
    return std::max(least_task_bytes / static_cast<std::int64_t>(element_bytes), elements / most_tasks);
}

/// Calls emit(begin, end) for equal parts of [0, size), each of about `goal` units, at least one. Several are an even
/// number, so that two threads have as many, and long and short ones alternate.
template <class Emit>
void cut(std::int64_t size, std::int64_t goal, const Emit& emit) {
    const std::int64_t wanted = std::clamp<std::int64_t>(size / std::max<std::int64_t>(1, goal), 1, size);
    const std::int64_t parts = wanted > 1 && wanted < size ? wanted + wanted % 2 : wanted;
    for (std::int64_t part = 0; part < parts; ++part) {
        // Equal parts without a product that could overflow.
        const std::int64_t share = size / parts, rest = size % parts;
        emit(part * share + part * rest / parts, (part + 1) * share + (part + 1) * rest / parts);
    }
}

}  // namespace

Pool2dRowCuts row_cuts(const Pool2dShape& shape, Pool2dReads reads) {
    if (reads != Pool2dReads::input || shape.out_height() <= 0) return {};
    const std::int64_t step = std::min(shape.stride_height, shape.in_height), window = shape.window_height;
    return {step, window > shape.stride_height ? std::min(shape.in_height, shared_windows * window) : step};
}

std::vector<Pool2dTask> make_tasks(std::int64_t batch, std::int64_t channels, std::int64_t height, std::int64_t width,
                                   Layout layout, std::size_t element_bytes, Partition partition,
                                   const Pool2dRowCuts& row_cuts) {
    std::vector<Pool2dTask> tasks;
    if (batch == 0 || channels == 0 || height == 0 || width == 0) return tasks;
    const std::int64_t goal = task_elements(batch * channels * height * width, element_bytes);
    const bool planes_are_runs = layout == Layout::nchw;
    if (partition == Partition::automatic && planes_are_runs) {
        channels *= batch;
        batch = 1;
    }
    const auto cut_rows = [&](std::int64_t n0, std::int64_t n1, std::int64_t c0, std::int64_t c1) {
        const std::int64_t row = (n1 - n0) * (c1 - c0) * width;
        const std::int64_t step = row_cuts.step, rows = std::max(row_cuts.least, goal / row);
        cut((height + step - 1) / step, (rows + step - 1) / step, [&](std::int64_t y0, std::int64_t y1) {
            tasks.push_back({n0, n1, c0, c1, y0 * step, std::min(height, y1 * step)});
        });
    };
    const auto cut_channels = [&](std::int64_t n0, std::int64_t n1, bool and_rows) {
        // A vector of channels is the least that is worth a task in NHWC.
        const std::int64_t least = planes_are_runs ? 1 : 16;
        const std::int64_t channel = (n1 - n0) * height * width;
        cut(channels, std::max(least, goal / channel), [&](std::int64_t c0, std::int64_t c1) {
            if (and_rows) return cut_rows(n0, n1, c0, c1);
            tasks.push_back({n0, n1, c0, c1, 0, height});
        });
    };
    const auto each_image = [&](const auto& emit) {
        for (std::int64_t n = 0; n < batch; ++n) emit(n, n + 1);
    };
    switch (partition) {
        case Partition::automatic:
            if (planes_are_runs) {
                cut_channels(0, 1, channels < enough_planes);
            } else {
                cut(batch, goal / (channels * height * width),
                    [&](std::int64_t n0, std::int64_t n1) { cut_rows(n0, n1, 0, channels); });
            }
            break;
        case Partition::batch:
            each_image([&](std::int64_t n0, std::int64_t n1) { tasks.push_back({n0, n1, 0, channels, 0, height}); });
            break;
        case Partition::channel:
            cut_channels(0, batch, false);
            break;
        case Partition::batch_channel:
            each_image([&](std::int64_t n0, std::int64_t n1) { cut_channels(n0, n1, false); });
            break;
        case Partition::spatial:
            each_image([&](std::int64_t n0, std::int64_t n1) { cut_rows(n0, n1, 0, channels); });
            break;
    }
    return tasks;
}

}  // namespace backgrad::plan
