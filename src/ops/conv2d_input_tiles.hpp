#pragma once

#include "ops/conv2d_input_panel.hpp"

#include <algorithm>

namespace backgrad::ops {

/// Width of a tile in the packed weights: whole vectors where channels are lanes.
inline std::int64_t packed_width(const plan::Conv2dInputPlan& plan, plan::Range channels) {
    return plan.family == plan::LaneFamily::channels ? plan::round_up(channels.size(), plan.channel_tiles.lanes)
                                                     : channels.size();
}

/// Offset, in units of the tile's width, of (output channel block that begins at `channel`, tap) in a packed tile. The
/// order is the order of the sum: block, kernel row, kernel column, channel.
inline std::int64_t packed_unit(const plan::Conv2dProblem& p, std::int64_t channel, std::int64_t size,
                                std::int64_t tap) {
    return channel * p.taps() + tap * size;
}

/// Positions first, first + stride, ... along one axis of a block of grad_input: the same taps reach them.
struct Phase {
    std::int64_t first, count;
};

/// Everything the tiles of one block share.
template <class T>
struct BlockWork {
    const Conv2dContext<T>& context;
    const plan::Conv2dInputPlan& plan;
    const plan::InputBlock& block;
    const InputPanel<T>& panel;
    const TensorView<T>& grad_input;
    kernels::Run* runs;
    T* staging;
    bool exact;
    kernels::Finish finish;
    bool streaming;  ///< whether whole lines of grad_input go past the caches
    kernels::PrefetchQueue<T>* prefetch;

    /// Calls visit(rows, columns) for each phase that the block has pixels of.
    template <class Visit>
    void for_each_phase(Visit visit) const {
        const plan::Conv2dProblem& p = context.problem;
        for (std::int64_t row = 0; row < std::min(p.stride_height, block.rows.size()); ++row)
            for (std::int64_t column = 0; column < std::min(p.stride_width, block.columns.size()); ++column)
                visit(phase_of(block.rows, p.stride_height, row), phase_of(block.columns, p.stride_width, column));
    }

private:
    static Phase phase_of(plan::Range positions, std::int64_t stride, std::int64_t phase) {
        return {positions.begin + phase, plan::ceil_div(positions.size() - phase, stride)};
    }
};

/// Lanes = channels: pixels along the plan's axis are the broadcast rows of the tile. NHWC is written in place, NCHW
/// through a staging buffer [image][pixel][channel] of the whole block, transposed at the end. `outputs` are
/// the output channels that are summed, whole blocks of the sum's order, and `weights` theirs: sums that have begun
/// before them, or go on behind them, wait in the staging buffer.
template <class T>
void channel_tile(const BlockWork<T>& work, plan::Range channels, plan::Range outputs, const T* weights);

/// Lanes = pixels of one column phase. Weights are packed, or copied as they lie (tasks_pack). The vectors of a tile
/// are neighbouring rows of one row phase, which read neighbouring rows of the panel, or neighbours in one row where
/// the image is a single row; channels are the broadcast rows of the tile. Unit-stride NCHW rows are written in place,
/// others through a staging buffer [channel][row][pixel].
template <class T>
void pixel_tile(const BlockWork<T>& work, plan::Range channels, const T* weights);

}  // namespace backgrad::ops
