#include "plan/pool2d_phases.hpp"

#include "plan/conv2d_problem.hpp"

#include <algorithm>
#include <numeric>

namespace backgrad::plan {
namespace {

/// Channels from which on maxima are searched faster pixel by pixel.
constexpr std::int64_t many_channels = 16;

/// Columns that lie apart are brought together a few pixels at a time, which needs code made for it where pixels are
/// single elements, and should not copy more than it computes where they are long.
/// Pixels that end with part of a vector gain more, because only rows do.
bool phases_serve(std::int64_t channels, std::int64_t stride, Pool2dReads reads, int lanes) {
    if (reads == Pool2dReads::input && channels >= many_channels) return false;
    return channels == 1 ? stride <= 2 : channels <= (channels % lanes == 0 ? 32 : 64);
}

/// Whether rows of single elements are better than programs, which know no rows and compute whole planes at once: where
/// windows overlap, but not so many that programs save more than they cost, and rows are a vector or longer.
bool rows_serve(std::int64_t width, std::int64_t windows, Pool2dReads reads, int lanes) {
    if (reads == Pool2dReads::input) return windows > 1 && width >= lanes;
    return windows > 1 && windows <= 9 && 2 * width >= 3 * lanes;
}

std::int64_t window_step(const Pool2dAxis& axis) { return axis.dilation / std::gcd(axis.stride, axis.dilation); }

Pool2dPhase make_phase(const Pool2dAxis& axis, std::int64_t number) {
    Pool2dPhase phase;
    phase.lines = axis.in > number ? (axis.in - number + axis.stride - 1) / axis.stride : 0;
    // The last cell of a window that falls on the phase belongs to the first window.
    for (std::int64_t tap = 0; tap < axis.window; ++tap) {
        const std::int64_t start = number + axis.padding - tap * axis.dilation;
        if (start % axis.stride != 0) continue;
        phase.first = start / axis.stride;
        ++phase.count;
    }
    return phase;
}

Pool2dAxisPhases make_axis(const Pool2dAxis& axis) {
    Pool2dAxisPhases result;
    result.lowest = axis.out;
    result.highest = -axis.out;
    for (std::int64_t k = 0; k < axis.stride; ++k) {
        const Pool2dPhase phase = make_phase(axis, k);
        result.phases.push_back(phase);
        if (phase.count == 0) continue;
        result.lowest = std::min(result.lowest, phase.first);
        result.highest = std::max(result.highest, phase.first + (phase.count - 1) * window_step(axis));
    }
    return result;
}

void place_windows(const Pool2dAxis& height, const Pool2dAxis& width, int lanes, Pool2dPhases& plan) {
    const std::int64_t end = std::max(width.out, plan.columns.phases.front().lines + plan.columns.highest);
    plan.margin = round_up(std::max<std::int64_t>(0, -plan.columns.lowest) * plan.channels, lanes);
    plan.pitch = plan.margin + round_up(end * plan.channels, lanes) + lanes;
    plan.first_window.push_back(0);
    for (const Pool2dPhase& rows : plan.rows.phases) {
        for (const Pool2dPhase& columns : plan.columns.phases) {
            for (std::int64_t j = 0; j < rows.count; ++j) {
                const std::int64_t row = rows.first + j * window_step(height) - plan.rows.lowest;
                for (std::int64_t k = 0; k < columns.count; ++k) {
                    const std::int64_t column = columns.first + k * window_step(width);
                    plan.windows.push_back(row * plan.pitch + plan.margin + column * plan.channels);
                }
            }
            plan.first_window.push_back(static_cast<std::int64_t>(plan.windows.size()));
        }
    }
}

/// The most windows that cover a pixel.
std::int64_t most_windows(const Pool2dPhases& plan) {
    const auto fewer = [](const Pool2dPhase& a, const Pool2dPhase& b) { return a.count < b.count; };
    return std::max_element(plan.rows.phases.begin(), plan.rows.phases.end(), fewer)->count *
           std::max_element(plan.columns.phases.begin(), plan.columns.phases.end(), fewer)->count;
}

/// Rows of each phase whose windows, and the rows of the input where their maxima are searched, fit the scratch.
std::int64_t steps_of_block(const Pool2dAxis& height, Pool2dReads reads, const Pool2dKernelLimits& limits,
                            const Pool2dPhases& plan) {
    const std::int64_t rows = limits.phase_elements / plan.pitch, halo = plan.rows.highest - plan.rows.lowest;
    const std::int64_t all = plan.rows.phases.front().lines;
    if (reads != Pool2dReads::input) return std::min(all, rows - halo);
    const std::int64_t window = (height.window - 1) * height.dilation + 1;
    return std::min(all, std::min(rows, (rows - window) / height.stride + 1) - halo);
}

void place_cells(const Pool2dAxis& width, const Pool2dKernelLimits& limits, Pool2dPhases& plan) {
    const std::int64_t reach = (width.window - 1) * width.dilation / width.stride;
    const std::int64_t columns = std::max(width.out + reach, (width.in - 1 + width.padding) / width.stride + 1);
    plan.cell_pitch = round_up(columns * plan.channels, limits.lanes) + 2 * limits.lanes;
    plan.cell_rows = std::min<std::int64_t>(limits.max_rows, limits.phase_elements / (width.stride * plan.cell_pitch));
    for (std::int64_t k = 0; k < width.window; ++k) {
        const std::int64_t distance = k * width.dilation;
        plan.cells.push_back(distance % width.stride * plan.cell_pitch + distance / width.stride * plan.channels);
    }
}

void fill_tables(const Pool2dAxis& width, Pool2dReads reads, int lanes, Pool2dPhases& plan) {
    const std::int64_t channels = plan.channels;
    const std::int64_t elements = round_up(plan.columns.phases.front().lines * channels, lanes);
    for (std::int64_t k = 0; k < elements; ++k) {
        plan.positions.push_back(static_cast<std::int32_t>(k / channels * width.stride));
    }
    if (reads != Pool2dReads::window_offsets && reads != Pool2dReads::input) return;
    const std::int64_t windows = round_up(width.out * channels, lanes);
    plan.window_rows.resize(static_cast<std::size_t>(windows));
    for (std::int64_t k = 0; k < windows; ++k) {
        const std::int64_t start = k / channels * width.stride - width.padding;
        const std::int64_t inside = start >= 0 ? start : start + round_up(-start, width.dilation);
        plan.window_columns.push_back(static_cast<std::int32_t>(start));
        plan.first_cells.push_back(static_cast<std::int32_t>(inside));
    }
}

}  // namespace

Pool2dPhases make_phases(const Pool2dShape& shape, Layout layout, Pool2dReads reads, const Pool2dKernelLimits& limits,
                         bool whole_pixels) {
    Pool2dPhases plan;
    const Pool2dAxis width = width_axis(shape), height = height_axis(shape);
    plan.channels = layout == Layout::nchw ? 1 : shape.channels;
    if (!whole_pixels || !phases_serve(plan.channels, width.stride, reads, limits.lanes)) return plan;
    if (std::max(width.stride, height.stride) > limits.max_stride) return plan;
    if (std::max(width.window, height.window) > limits.max_cells) return plan;
    if (std::max(width.in, width.out) > limits.phase_elements) return plan;
    plan.rows = make_axis(height);
    plan.columns = make_axis(width);
    const std::int64_t windows = most_windows(plan);
    if (windows > limits.max_windows) return plan;
    if (plan.channels == 1 && !rows_serve(width.in, windows, reads, limits.lanes)) return plan;
    // Where each window stands alone and pixels are whole vectors, there is nothing to gain.
    if (windows == 1 && plan.channels % limits.lanes == 0) return plan;
    place_windows(height, width, limits.lanes, plan);
    plan.steps_per_block = steps_of_block(height, reads, limits, plan);
    if (reads == Pool2dReads::input) place_cells(width, limits, plan);
    plan.fits = plan.steps_per_block > 0 && (reads != Pool2dReads::input || plan.cell_rows > 0);
    if (plan.fits) fill_tables(width, reads, limits.lanes, plan);
    return plan;
}

}  // namespace backgrad::plan
