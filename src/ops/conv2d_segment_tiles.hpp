#pragma once

#include "kernels/conv2d_kernels.hpp"
#include "ops/conv2d_windows.hpp"
#include "plan/conv2d_weight_plan.hpp"

#include <cstdint>

namespace backgrad::ops {

/// The lane operand: a panel [pixel][lanes] per lane tile, whose places are in pixels, or, with places in elements, the
/// tensor itself or the panel of kernel rows.
template <class T>
struct LaneOperand {
    const T* data;
    Place place;
    bool in_place;

    const T* tile(std::int64_t first_lane) const { return data + first_lane * (in_place ? 1 : place.window.pixels()); }
};

/// The broadcast operand: channel 0 of the block, and the elements from one channel to the next.
template <class T>
struct RowOperand {
    const T* data;
    std::int64_t channel;
    Place place;
};

/// The runs of tap (r, c): the pixels of the segment whose input exists. Padding so contributes no term. Returns their
/// number, at most the segment's rows.
std::int64_t list_runs(const plan::Conv2dProblem& problem, const Place& out_place, const Place& in_place,
                       plan::LaneSide side, std::int64_t r, std::int64_t c, kernels::Run* runs);

/// Both operands of a segment, and the register tiles that multiply them.
template <class T>
struct SegmentTiles {
    const kernels::TileKernels<T>& kernels;
    const plan::Conv2dProblem& problem;
    const plan::LaneTiles& tiles;
    plan::LaneSide side;
    std::int64_t block_rows;
    LaneOperand<T> lanes;
    RowOperand<T> rows;
    kernels::PrefetchQueue<T>* prefetch;
    T* total;

    const Place& out_place() const { return side == plan::LaneSide::grad_output ? lanes.place : rows.place; }
    const Place& in_place() const { return side == plan::LaneSide::grad_output ? rows.place : lanes.place; }

    /// Sums a tap's runs for one lane tile and the block's rows.
    void sum(std::int64_t lane_tile, std::int64_t tap, const kernels::Run* runs, std::int64_t run_count,
             kernels::Finish finish) const {
        const bool lanes_out = side == plan::LaneSide::grad_output;
        const std::int64_t in_step = problem.stride_width / in_place().window.columns.step;
        const int vectors = tiles.vectors_of(lane_tile);
        const std::int64_t width = std::int64_t(vectors) * tiles.lanes;
        const std::int64_t unit = lanes.in_place ? 1 : width, pixel = lanes.in_place ? lanes.place.column : width;
        T* to = total + (lane_tile * tiles.width() * problem.taps() + tap * width) * block_rows;
        plan::EvenParts(block_rows, kernels.rows_limit[vectors]).for_each([&](plan::Range part) {
            const kernels::TileOperands<T> operands{lanes.tile(lane_tile * tiles.width()),
                                                    unit,
                                                    pixel * (lanes_out ? 1 : in_step),
                                                    tiles.lanes,
                                                    rows.data + part.begin * rows.channel,
                                                    1,
                                                    rows.place.column * (lanes_out ? in_step : 1),
                                                    rows.channel,
                                                    runs,
                                                    run_count,
                                                    prefetch};
            kernels.function[vectors][part.size()](
                operands, {to + part.begin * width, width, tiles.lanes, tiles.lanes, tiles.lanes, finish});
        });
    }

    /// All taps. The lane panel of one tile stays in the L1 cache while all taps and rows pass over it. `listed` if the
    /// runs are there already, those of a segment whose pixels have the same places.
    void sum_taps(kernels::Run* runs, std::int64_t most_runs, std::int64_t* run_counts, bool listed,
                  kernels::Finish finish) const {
        for (std::int64_t j = 0; j < tiles.count(); ++j)
            for (std::int64_t tap = 0; tap < problem.taps(); ++tap) {
                kernels::Run* tap_runs = runs + tap * most_runs;
                if (j == 0 && !listed) {
                    const std::int64_t r = tap / problem.kernel_width, c = tap % problem.kernel_width;
                    run_counts[tap] = list_runs(problem, out_place(), in_place(), side, r, c, tap_runs);
                }
                if (run_counts[tap] == 0 && finish == kernels::Finish::add) continue;
                sum(j, tap, tap_runs, run_counts[tap], finish);
            }
    }
};

}  // namespace backgrad::ops
