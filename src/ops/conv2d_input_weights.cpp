#include "ops/conv2d_input.hpp"
#include "ops/conv2d_input_tiles.hpp"

#include <algorithm>

namespace backgrad::ops {

using plan::Conv2dInputPlan;
using plan::Range;

namespace {

/// One block of output channels of a convolution group on its way into packed weights.
template <class T>
struct WeightBlock {
    const Conv2dContext<T>& context;
    const Conv2dInputPlan& plan;
    const T* from;      ///< weights of the block's first output channel
    std::int64_t size;  ///< output channels
    Range part;         ///< those of them that are packed
};

/// Packs `count` neighbouring tiles of the same size, `tile_step` apart; the first holds `channels`. Each output
/// channel's weights are read in one piece: pieces of a tile, a whole output channel apart, come slowly from memory.
template <class T>
bool pack_tiles(const WeightBlock<T>& block, Range channels, std::int64_t count, T* to, std::int64_t tile_step) {
    const plan::Conv2dProblem& p = block.context.problem;
    const auto& pack = *block.context.kernels.pack;
    const std::int64_t taps = p.taps(), width = packed_width(block.plan, channels), size = channels.size();
    if (width > size)
        for (std::int64_t i = 0; i < count * taps; ++i)
            pack.clear(to + i / taps * tile_step + (i % taps * block.size + block.part.begin) * width,
                       block.part.size() * width);
    // A rotated kernel is the adjoint of the kernel read backwards.
    const std::int64_t tap_step = (p.rotated_kernel ? -1 : 1) * block.size * width;
    if (p.rotated_kernel) to += (taps - 1) * block.size * width;
    bool finite = true;
    to += block.part.begin * width;
    for (std::int64_t o = block.part.begin; o < block.part.end; ++o, to += width) {
        const T* from = block.from + o * p.in_channels * taps;
        if (taps == 1) {
            finite &= pack.copy(from + channels.begin, size, 1, count, size, to, tile_step);
            continue;
        }
        for (std::int64_t t = 0; t < count; ++t) {
            const std::int64_t first = channels.begin + t * size;
            if (p.weight_ohwi)
                finite &= pack.copy(from + first, p.in_channels, 1, taps, size, to + t * tile_step, tap_step);
            else finite &= pack.split_taps(from + first * taps, size, taps, to + t * tile_step, tap_step);
        }
    }
    return finite;
}

/// The weights of an output channel of a group.
template <class T>
const T* weights_of(const Conv2dContext<T>& context, std::int64_t group, std::int64_t output) {
    const plan::Conv2dProblem& p = context.problem;
    return context.arguments.weight + (group * p.out_channels + output) * p.in_channels * p.taps();
}

}  // namespace

template <class T>
bool pack_weight_task(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t task,
                      T* packed) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const std::int64_t blocks = plan::ceil_div(p.out_channels, Conv2dInputPlan::channel_block);
    const std::int64_t part = task % plan.pack_parts, block = task / plan.pack_parts % blocks;
    const std::int64_t pack_group = task / plan.pack_parts / blocks % plan.pack_groups;
    const std::int64_t group = task / plan.pack_parts / blocks / plan.pack_groups;
    const Range tiles = plan::share(plan.channel_tile_count(p), plan.pack_groups, pack_group);
    const std::int64_t begin = block * Conv2dInputPlan::channel_block;
    const std::int64_t size = std::min(Conv2dInputPlan::channel_block, p.out_channels - begin);
    const WeightBlock<T> weights{context, plan, weights_of(context, group, begin), size,
                                 plan::share(size, plan.pack_parts, part)};
    packed += group * plan.packed_group_elements;
    bool finite = true;
    for (std::int64_t first = tiles.begin, last = first; first < tiles.end; first = last) {
        const Range channels = plan.tile_channels(p, first);
        while (last < tiles.end && plan.tile_channels(p, last).size() == channels.size()) ++last;
        const std::int64_t tile_step = channels.size() * p.out_channels * p.taps();
        T* to = packed + channels.begin * p.out_channels * p.taps() +
                packed_unit(p, begin, size, 0) * packed_width(plan, channels);
        finite &= pack_tiles(weights, channels, last - first, to, tile_step);
    }
    return finite;
}

template <class T>
bool pack_weight_piece(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t group, Range channels,
                       Range outputs, T* to) noexcept {
    const std::int64_t size = outputs.size();
    return pack_tiles(WeightBlock<T>{context, plan, weights_of(context, group, outputs.begin), size, {0, size}},
                      channels, 1, to, 0);
}

template <class T>
bool copy_tile_weights(const Conv2dContext<T>& context, std::int64_t group, Range channels, T* to) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const T* from = weights_of(context, group, 0) + channels.begin * p.taps();
    const std::int64_t row = channels.size() * p.taps();
    return context.kernels.pack->copy(from, p.in_channels * p.taps(), 1, p.out_channels, row, to, row);
}

template bool copy_tile_weights<float>(const Conv2dContext<float>&, std::int64_t, Range, float*) noexcept;
template bool copy_tile_weights<double>(const Conv2dContext<double>&, std::int64_t, Range, double*) noexcept;
template bool pack_weight_task<float>(const Conv2dContext<float>&, const Conv2dInputPlan&, std::int64_t,
                                      float*) noexcept;
template bool pack_weight_task<double>(const Conv2dContext<double>&, const Conv2dInputPlan&, std::int64_t,
                                       double*) noexcept;

template bool pack_weight_piece<float>(const Conv2dContext<float>&, const Conv2dInputPlan&, std::int64_t, Range, Range,
                                       float*) noexcept;
template bool pack_weight_piece<double>(const Conv2dContext<double>&, const Conv2dInputPlan&, std::int64_t, Range,
                                        Range, double*) noexcept;

}  // namespace backgrad::ops
