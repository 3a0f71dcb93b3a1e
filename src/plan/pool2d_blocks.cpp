#include "plan/pool2d_plan.hpp"

#include "plan/conv2d_problem.hpp"

#include <algorithm>

namespace backgrad::plan {
namespace {

/// Windows between the first and the last that cover any of `columns` columns side by side.
std::int64_t windows_of_block(const Pool2dCovers& covers, std::int64_t columns) {
    std::int64_t most = 0;
    for (std::int64_t begin = 0; begin < covers.size(); begin += columns) {
        const auto first = covers.windows.begin() + covers.first[static_cast<std::size_t>(begin)];
        const auto last =
            covers.windows.begin() + covers.first[static_cast<std::size_t>(std::min(begin + columns, covers.size()))];
        if (first == last) continue;
        const auto [low, high] = std::minmax_element(first, last);
        most = std::max<std::int64_t>(most, *high - *low + std::int64_t{1});
    }
    return most;
}

}  // namespace

Pool2dBlocks make_blocks(const Pool2dShape& shape, const Pool2dCovers& rows, const Pool2dCovers& columns,
                         const Pool2dKernelLimits& limits) {
    Pool2dBlocks blocks;
    const std::int64_t cached_rows = std::max<std::int64_t>(1, rows.span());
    if (cached_rows > limits.max_rows) return blocks;
    std::int64_t vectors = ceil_div(shape.channels, limits.lanes);
    blocks.columns = shape.in_width;
    for (;;) {
        blocks.channels = vectors * limits.lanes;
        const std::int64_t windows = windows_of_block(columns, blocks.columns);
        blocks.fits = cached_rows * windows * blocks.channels <= limits.scratch_elements;
        if (blocks.fits || (vectors == 1 && blocks.columns == 1)) return blocks;
        // Whole cache lines of few channels are better than many channels of few columns.
        (vectors > 1 ? vectors : blocks.columns) = ceil_div(vectors > 1 ? vectors : blocks.columns, 2);
    }
}

std::int64_t overlap_channels(const Pool2dShape& shape, Pool2dReads reads, const Pool2dCovers& rows,
                              const Pool2dKernelLimits& limits) {
    const std::int64_t cached_rows = std::max<std::int64_t>(1, rows.span());
    if (shape.dilation_height > 1 || shape.dilation_width > 1 || cached_rows > limits.max_rows) return 0;
    if (reads != Pool2dReads::input) return shape.channels;
    if (shape.window_height > limits.max_rows) return 0;
    const std::int64_t fit = limits.scratch_elements / (std::max(cached_rows, shape.window_height) * shape.out_width());
    const std::int64_t vectors = std::min(fit, shape.channels + limits.lanes - 1) / limits.lanes;
    return (vectors > 4 ? vectors / 4 * 4 : vectors) * limits.lanes;
}

}  // namespace backgrad::plan
