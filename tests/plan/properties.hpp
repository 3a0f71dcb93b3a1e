#pragma once

#include "plan/conv2d_problem.hpp"
#include "plan/register_tiles.hpp"

#include <backgrad/strategy.hpp>

#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace backgrad::test {

/// A number in [low, high].
inline std::int64_t any(std::int64_t low, std::int64_t high) { return *rc::gen::inRange(low, high + 1); }

/// Register tiles of `lanes` lanes, with `rows[v]` rows at most beside v vectors.
inline plan::RegisterTiles register_tiles(int lanes, const std::array<int, 9>& rows) {
    plan::RegisterTiles tiles{};
    tiles.lanes = lanes;
    std::copy(rows.begin(), rows.end(), tiles.rows_limit);
    return tiles;
}

/// As a 16-lane and an 8-lane ISA have them.
inline const plan::RegisterTiles wide_tiles = register_tiles(16, {0, 14, 14, 9, 6, 5, 4, 3, 2});
inline const plan::RegisterTiles narrow_tiles = register_tiles(8, {0, 14, 6, 4, 2, 2, 1, 1, 1});

/// Often little padding, sometimes more than a kernel reaches over.
inline std::int64_t any_padding() { return *rc::gen::element(0, 0, 1, 2, 3, 9, 20); }

/// Any legal shape of moderate size; sizes may be zero where that is legal.
inline Conv2dShape any_shape() {
    Conv2dShape shape{.batch = any(0, 40),
                      .in_height = any(0, 70),
                      .in_width = any(0, 300),
                      .kernel_height = any(1, 7),
                      .kernel_width = any(1, 7),
                      .stride_height = any(1, 3),
                      .stride_width = any(1, 3),
                      .padding_top = any_padding(),
                      .padding_bottom = any_padding(),
                      .padding_left = any_padding(),
                      .padding_right = any_padding(),
                      .dilation_height = any(1, 2),
                      .dilation_width = any(1, 2),
                      .groups = any(1, 4)};
    shape.in_channels = shape.groups * any(1, 700);
    shape.out_channels = shape.groups * any(1, 700);
    return shape;
}

/// Any way to thread it.
inline Strategy any_strategy() {
    return {.threads = static_cast<int>(any(1, 64)),
            .partition = *rc::gen::element(Partition::automatic, Partition::batch, Partition::channel,
                                           Partition::batch_channel, Partition::spatial),
            .reduction = *rc::gen::element(Reduction::automatic, Reduction::owner, Reduction::partials)};
}

/// Either layout.
inline Conv2dBackwardOptions any_layout() { return {.layout = *rc::gen::element(Layout::nchw, Layout::nhwc)}; }

/// True if part(0), part(1), ... lie end to end and fill [0, size).
template <class Part>
bool fill(std::int64_t size, std::int64_t parts, const Part& part) {
    std::int64_t position = 0;
    for (std::int64_t p = 0; p < parts; ++p) {
        const plan::Range range = part(p);
        if (range.begin != position || range.end < range.begin) return false;
        position = range.end;
    }
    return position == size;
}

}  // namespace backgrad::test
