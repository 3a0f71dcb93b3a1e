#pragma once

#include "kernels/conv2d_kernels.hpp"
#include "plan/conv2d_plan.hpp"

#include <algorithm>
#include <iterator>

namespace backgrad::ops {

/// The tiles of an ISA's kernels, as a plan sees them.
template <class T>
plan::Conv2dTiles conv2d_tiles(const kernels::Conv2dKernels<T>& kernels) {
    plan::Conv2dTiles tiles{};
    tiles.dense.lanes = tiles.depthwise.lanes = kernels.tile->lanes;
    for (int v = 0; v <= kernels::TileKernels<T>::max_vectors; ++v)
        tiles.dense.rows_limit[v] = kernels.tile->rows_limit[v];
    std::copy(std::begin(kernels.depthwise->tile->rows_limit), std::end(kernels.depthwise->tile->rows_limit),
              tiles.depthwise.rows);
    std::copy(std::begin(kernels.depthwise->group_tile->rows_limit),
              std::end(kernels.depthwise->group_tile->rows_limit), tiles.depthwise.group_rows);
    return tiles;
}

}  // namespace backgrad::ops
