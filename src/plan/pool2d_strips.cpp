#include "plan/pool2d_plan.hpp"

#include <algorithm>

namespace backgrad::plan {
namespace {

/// Channels from which on a pixel fills vectors.
constexpr std::int64_t many_channels = 16;

bool same(const Pool2dAxis& a, const Pool2dAxis& b) {
    return a.window == b.window && a.stride == b.stride && a.dilation == b.dilation;
}

/// Windows for which there are kernels: their size and stride are constants there.
bool has_kernel(const Pool2dShape& shape) {
    const Pool2dAxis height = height_axis(shape), axis = width_axis(shape);
    if (height.in == 0 || height.out <= 0 || axis.out <= 0) return false;
    if (!same(height, axis) || axis.dilation != 1) return false;
    return (axis.window == 3 && axis.stride <= 2) || (axis.window == 2 && axis.stride == 1);
}

/// Shorter rows leave too many lanes idle. What other kernels do instead costs averages the least, and a search the
/// most.
std::int64_t least_width(Pool2dReads reads, int lanes, std::int64_t planes) {
    if (reads == Pool2dReads::input) return 4;
    if (planes == 2) return 7;
    return reads == Pool2dReads::nothing ? std::max(12, lanes - 2) : 8;
}

}  // namespace

std::int64_t strip_steps(const Pool2dShape& shape, Pool2dReads reads, const Pool2dKernelLimits& limits,
                         bool whole_planes) {
    const Pool2dAxis height = height_axis(shape), width = width_axis(shape);
    if (!has_kernel(shape)) return 0;
    if (width.in < least_width(reads, limits.lanes, strip_planes(shape, reads, limits, whole_planes))) return 0;
    if (height.stride * width.in > limits.strip_room) return 0;
    // Rows of pixels from one that begins between two windows on need windows of one row more.
    const std::int64_t more = 1 + (height.window - 1) / height.stride;
    const std::int64_t by_windows = limits.strip_windows / width.out - more;
    const std::int64_t by_cells = (limits.strip_cells / width.in - height.window) / height.stride + 1 - more;
    return std::max<std::int64_t>(0, reads == Pool2dReads::input ? std::min(by_windows, by_cells) : by_windows);
}

std::int64_t strip_planes(const Pool2dShape& shape, Pool2dReads reads, const Pool2dKernelLimits& limits,
                          bool whole_planes) {
    const Pool2dAxis height = height_axis(shape), width = width_axis(shape);
    const bool pairs = whole_planes && shape.batch * shape.channels > 1 && limits.whole_lines;
    if (!pairs || 2 * width.in > limits.lanes * width.stride) return 1;
    const std::int64_t windows = 2 * height.out * width.out + limits.lanes, cells = 2 * height.in * width.in;
    const bool fit = windows <= limits.strip_windows && cells <= limits.strip_room &&
                     (reads != Pool2dReads::input || cells <= limits.strip_cells);
    return fit ? 2 : 1;
}

std::int64_t tile_channels(const Pool2dShape& shape, Pool2dReads reads, const Pool2dKernelLimits& limits) {
    if (reads != Pool2dReads::input || !has_kernel(shape) || shape.channels < many_channels) return 0;
    if (shape.stride_width == 1 && !limits.many_registers) return 0;
    const std::int64_t fit = limits.tile_windows / shape.out_width();
    return std::min(fit, shape.channels + limits.lanes - 1) / limits.lanes * limits.lanes;
}

bool has_row_tiles(const Pool2dShape& shape, Pool2dReads reads, const Pool2dCovers& rows,
                   const Pool2dKernelLimits& limits) {
    const Pool2dAxis width = width_axis(shape);
    if (reads == Pool2dReads::input || rows.span() > limits.max_rows) return false;
    if (shape.dilation_height != 1 || width.dilation != 1 || width.out <= 0) return false;
    const bool exists = (width.window == 2 && width.stride <= 2) || (width.window == 3 && width.stride <= 3) ||
                        (width.window == 4 && width.stride == 2) || (width.window == 5 && width.stride <= 2);
    const bool overlap = width.window > width.stride, averages = reads == Pool2dReads::nothing;
    // Fewer channels are faster as lines or phases. Longer pixels are better written one by one, in memory order, where
    // little is gained by loading windows once.
    const std::int64_t least = averages && width.stride == 1 ? 15 : 12;
    // Half of a cache line at a time, many windows far apart leave the L1 cache before the other half is read.
    const bool far_apart = width.window > 3 && width.stride == 1 && !limits.whole_lines;
    const std::int64_t most = !overlap ? 127 : averages || far_apart ? 255 : shape.channels;
    return exists && least <= shape.channels && shape.channels <= most;
}

}  // namespace backgrad::plan
