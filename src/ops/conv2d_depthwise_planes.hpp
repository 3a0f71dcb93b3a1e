#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_depthwise_plan.hpp"

namespace backgrad::ops {

/// The plan's blocks of columns as the kernels read them, in plan.plane_block_elements of memory.
template <class T>
const kernels::DepthwisePlaneBlock* fill_plane_blocks(const plan::DepthwisePlanesPlan& plan, T* memory) noexcept;

/// The sums of one segment and unit of channels straight from NCHW planes.
template <class T>
struct PlaneSums {
    const Conv2dContext<T>& context;
    const plan::Conv2dDepthwisePlan& plan;
    const kernels::DepthwisePlaneBlock* blocks;
    T* state;  ///< [channel of the unit][tap, then bias][chain]

    /// Sets `sums`, [tap][unit] and behind them the bias.
    void compute(const plan::PixelBox& box, const plan::Range& channels, T* sums) const noexcept;
};

}  // namespace backgrad::ops
