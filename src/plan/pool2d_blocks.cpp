#include "plan/pool2d_plan.hpp"

#include <algorithm>
#include <limits>

namespace backgrad::plan {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Windows from the first to the last one that covers any of the columns [begin, end).
struct WindowRange {
    std::int64_t begin = std::numeric_limits<std::int64_t>::max();
    std::int64_t end = 0;

    std::int64_t size() const { return std::max<std::int64_t>(0, end - begin); }
};

WindowRange windows_of(const Pool2dCovers& covers, std::int64_t begin, std::int64_t end) {
    WindowRange range;
    for (std::int64_t k = covers.first[begin]; k < covers.first[end]; ++k) {
        range.begin = std::min<std::int64_t>(range.begin, covers.windows[k]);
        range.end = std::max<std::int64_t>(range.end, covers.windows[k] + std::int64_t{1});
    }
    return range;
}

/// Scratch rows that hold all windows of any one row, where window y stands in row y % count.
std::int64_t rows_in_use(const Pool2dCovers& rows) {
    std::int64_t most = 1;
    for (std::int64_t k = 0; k < rows.size(); ++k) most = std::max(most, windows_of(rows, k, k + 1).size());
    return most;
}

/// Rows of the input that are worth keeping from one row of windows to the next.
std::int64_t input_rows_in_use(const Pool2dShape& shape, int max_rows) {
    const std::int64_t extent = (shape.window_height - 1) * shape.dilation_height + 1;
    return shape.stride_height >= extent ? 1 : std::min<std::int64_t>(extent, max_rows);
}

/// For strides above 1: which window each lane of each slot takes. False if the windows of some slot lie further
/// apart than a vector is long.
bool make_permutations(const Pool2dCovers& covers, int lanes, Pool2dVectorColumns& columns) {
    const std::size_t slots = static_cast<std::size_t>(columns.vectors) * static_cast<std::size_t>(columns.slots);
    columns.base.assign(slots, 0);
    columns.relative.assign(slots * static_cast<std::size_t>(lanes), -1);
    std::int64_t base = 0;
    for (std::int64_t v = 0; v < columns.vectors; ++v) {
        const std::int64_t begin = v * lanes, end = std::min(begin + lanes, covers.size());
        for (int slot = 0; slot < columns.slots; ++slot) {
            std::int32_t* relative = &columns.relative[static_cast<std::size_t>((v * columns.slots + slot) * lanes)];
            WindowRange range;
            for (std::int64_t k = begin; k < end; ++k) {
                if (slot >= covers.count(k)) continue;
                const std::int32_t window = covers.windows[covers.first[k] + slot];
                range.begin = std::min<std::int64_t>(range.begin, window);
                range.end = std::max<std::int64_t>(range.end, window + std::int64_t{1});
                relative[k - begin] = window;
            }
            if (range.size() > lanes) return false;
            // A slot without windows still reads, so it reads where the one before it does.
            if (range.size() > 0) base = range.begin;
            columns.base[static_cast<std::size_t>(v * columns.slots + slot)] = static_cast<std::int32_t>(base);
            for (int lane = 0; lane < lanes; ++lane) {
                if (relative[lane] >= 0) relative[lane] -= static_cast<std::int32_t>(base);
            }
        }
    }
    return true;
}

/// Sets first_window and pitch for blocks of columns.vectors_per_block vectors; base stays absolute.
void measure_blocks(const Pool2dShape& shape, int lanes, Pool2dVectorColumns& columns) {
    columns.first_window.clear();
    columns.pitch = 0;
    const std::int64_t reach = (shape.window_width - 1) * shape.dilation_width;
    for (std::int64_t v = 0; v < columns.vectors; v += columns.vectors_per_block) {
        const std::int64_t end = std::min(v + columns.vectors_per_block, columns.vectors);
        if (columns.shifted) {
            columns.first_window.push_back(v * lanes + shape.padding_left - reach);
            columns.pitch = std::max(columns.pitch, (end - v) * lanes + reach);
        } else {
            const auto [low, high] = std::minmax_element(columns.base.begin() + v * columns.slots,
                                                         columns.base.begin() + end * columns.slots);
            columns.first_window.push_back(*low);
            columns.pitch = std::max<std::int64_t>(columns.pitch, *high - *low + std::int64_t{lanes});
        }
    }
}

/// Makes base count from the first window of its block.
void make_relative(Pool2dVectorColumns& columns) {
    for (std::size_t k = 0; k < columns.base.size(); ++k) {
        const std::size_t block = k / static_cast<std::size_t>(columns.slots * columns.vectors_per_block);
        columns.base[k] -= static_cast<std::int32_t>(columns.first_window[block]);
    }
}

/// Bytes of scratch of an NCHW kernel, as WindowRows lays it out.
std::int64_t nchw_scratch_bytes(const Pool2dShape& shape, Pool2dReads reads, const Pool2dBlocks& blocks,
                                const Pool2dKernelLimits& limits) {
    constexpr std::int64_t index_bytes = 4;
    const std::int64_t element = static_cast<std::int64_t>(limits.element_bytes);
    const std::int64_t row = blocks.columns.pitch + limits.lanes;
    std::int64_t bytes = blocks.cached_rows * row * (element + (reads == Pool2dReads::gradients ? 0 : index_bytes));
    if (reads == Pool2dReads::input) {
        const std::int64_t padded = (blocks.columns.pitch + 2 * limits.lanes) * shape.stride_width +
                                    (shape.window_width - 1) * shape.dilation_width;
        bytes += padded * element + row * element + blocks.cached_input_rows * row * (element + index_bytes);
    }
    return bytes;
}

bool cut_nchw(const Pool2dShape& shape, Pool2dReads reads, const Pool2dCovers& covers, const Pool2dKernelLimits& limits,
              Pool2dBlocks& blocks) {
    Pool2dVectorColumns& columns = blocks.columns;
    columns.vectors = ceil_div(shape.in_width, limits.lanes);
    columns.shifted = shape.stride_width == 1;
    std::int64_t slots = columns.shifted ? shape.window_width : 1;
    for (std::int64_t k = 0; k < covers.size(); ++k) slots = std::max(slots, covers.count(k));
    // A row of scratch holds at least one window per slot, so this bounds the tables too.
    if (slots > static_cast<std::int64_t>(limits.scratch_bytes)) return false;
    columns.slots = static_cast<int>(slots);
    if (!columns.shifted && !make_permutations(covers, limits.lanes, columns)) return false;
    for (columns.vectors_per_block = columns.vectors;; columns.vectors_per_block = ceil_div(columns.vectors_per_block, 2)) {
        measure_blocks(shape, limits.lanes, columns);
        if (nchw_scratch_bytes(shape, reads, blocks, limits) <= static_cast<std::int64_t>(limits.scratch_bytes)) break;
        if (columns.vectors_per_block == 1) return false;
    }
    make_relative(columns);
    return true;
}

/// NHWC from the input: the positions of cached_rows x windows x channels must fit.
bool cut_nhwc(const Pool2dShape& shape, const Pool2dCovers& covers, const Pool2dKernelLimits& limits,
              Pool2dBlocks& blocks) {
    constexpr std::int64_t index_bytes = 4;
    const auto fits = [&] {
        std::int64_t windows = 0;
        for (std::int64_t begin = 0; begin < shape.in_width; begin += blocks.columns_per_block) {
            const std::int64_t end = std::min(begin + blocks.columns_per_block, shape.in_width);
            windows = std::max(windows, windows_of(covers, begin, end).size());
        }
        const std::int64_t positions = blocks.cached_rows * windows * blocks.channels_per_block;
        return positions * index_bytes <= static_cast<std::int64_t>(limits.scratch_bytes);
    };
    std::int64_t vectors = ceil_div(shape.channels, limits.lanes);
    blocks.channels_per_block = vectors * limits.lanes;
    blocks.columns_per_block = shape.in_width;
    while (!fits()) {
        if (vectors > 1) {
            vectors = ceil_div(vectors, 2);
            blocks.channels_per_block = vectors * limits.lanes;
        } else if (blocks.columns_per_block > 1) {
            blocks.columns_per_block = ceil_div(blocks.columns_per_block, 2);
        } else {
            return false;
        }
    }
    return true;
}

}  // namespace

Pool2dBlocks make_blocks(const Pool2dShape& shape, Layout layout, Pool2dReads reads, const Pool2dCovers& rows,
                         const Pool2dCovers& columns, const Pool2dKernelLimits& limits) {
    Pool2dBlocks blocks;
    blocks.cached_rows = rows_in_use(rows);
    blocks.cached_input_rows = input_rows_in_use(shape, limits.max_rows);
    const bool needs_scratch = layout == Layout::nchw || reads == Pool2dReads::input;
    if (!needs_scratch) {
        blocks.fits = true;
    } else if (blocks.cached_rows <= limits.max_rows) {
        blocks.fits = layout == Layout::nchw ? cut_nchw(shape, reads, columns, limits, blocks)
                                             : cut_nhwc(shape, columns, limits, blocks);
    }
    return blocks;
}

}  // namespace backgrad::plan
