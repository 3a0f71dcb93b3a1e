#include "ops/conv2d_input.hpp"

#include "ops/conv2d_input_pieces.hpp"
#include "ops/conv2d_input_pointwise.hpp"
#include "ops/conv2d_input_tiles.hpp"
#include "ops/conv2d_prefetch.hpp"

#include <algorithm>

namespace backgrad::ops {

using kernels::Finish;
using kernels::Run;
using plan::Conv2dInputPlan;
using plan::LaneFamily;
using plan::Range;

namespace {

/// Whether register tiles write grad_input past the caches: whole lines of channels, or of a row.
template <class T>
bool streams(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, const TensorView<T>& grad_input,
             WriteMode mode) {
    constexpr std::int64_t line = line_elements<T>;
    const plan::Conv2dProblem& p = context.problem;
    if (!may_stream(plan.streaming, grad_input, mode)) return false;
    const plan::LaneTiles& channels = plan.channel_tiles;
    if (plan.family == LaneFamily::channels)
        return p.layout == Layout::nhwc && p.in_channels % line == 0 &&
               (channels.width() % line == 0 || channels.count() == 1);
    return p.layout == Layout::nchw && grad_input.row % line == 0 && context.kernels.tile->lanes == line &&
           plan.vectors_are_rows && p.stride_width == 1 && plan.column_blocks == 1;
}

}  // namespace

template <class T>
void input_task(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t task, const T* packed,
                bool weights_finite, const SharedTapSums<T>& tap_sums, WriteMode mode, Scratch<T> scratch) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const auto [block_group, group, channel_group] = plan.task(p, task);
    Range blocks = plan::share(plan.blocks, plan.block_groups, block_group);
    const std::int64_t present = plan.blocks_of(p);
    blocks.end = std::min(blocks.end, present);
    const Range tiles = plan::share(plan.channel_tile_count(p), plan.channel_groups, channel_group);
    const T* group_weights = plan.weights_in_place
                                 ? context.arguments.weight + group * p.out_channels * p.in_channels * p.taps()
                                 : packed + group * plan.packed_group_elements;
    if (plan.folded) return input_fold_task(context, plan, group, blocks, group_weights, tap_sums, mode, scratch);
    if (plan.in_pieces)
        return input_pieces_task(context, plan, group, blocks, tiles, group_weights, weights_finite, mode, scratch);
    if (plan.pointwise) return input_pointwise_task(context, plan, group, blocks, tiles, group_weights, mode, scratch);
    const TensorView<T> grad_input = context.grad_input(group);
    const Finish finish = finish_of(mode);
    Run* runs = reinterpret_cast<Run*>(scratch.take(plan::Conv2dWeightPlan::run_elements(
        plan::ceil_div(p.out_channels, Conv2dInputPlan::channel_block) * p.taps(), sizeof(T))));
    T* staging = scratch.take(plan.staging_elements);
    T* own_weights = scratch.take(plan.piece_elements);
    T* panel_memory = scratch.take(0);

    const bool streaming = streams(context, plan, grad_input, mode);
    PrefetchList<T> prefetch;
    for (std::int64_t b = blocks.begin; b < blocks.end; ++b) {
        const plan::InputBlock block = plan::input_block(p, plan, b);
        if (block.empty()) continue;
        const InputPanel<T> panel = pack_input_panel(context, plan, group, block, panel_memory);
        BlockWork<T> work{context,         plan,   block,     panel,           grad_input, runs, staging,
                          !weights_finite, finish, streaming, prefetch.queue()};
        prefetch.clear();
        prefetch.add(context.ahead.part(b - blocks.begin, blocks.size()));
        const auto [next_group, next] =
            b + 1 < blocks.end ? Conv2dInputPlan::NextBlock{group, b + 1} : plan.next_block(p, task);
        if (next < present) prefetch_block(context, plan, next_group, plan::input_block(p, plan, next), prefetch);
        for (std::int64_t t = tiles.begin; t < tiles.end; ++t) {
            const Range channels = plan.tile_channels(p, t);
            if (!streaming) prefetch_target(grad_input, block, channels, prefetch);
            if (plan.family == LaneFamily::pixels && plan.tasks_pack) {
                work.exact = !copy_tile_weights(context, group, channels, own_weights);
                pixel_tile(work, channels, own_weights);
                continue;
            }
            const T* weights = group_weights + channels.begin * (plan.weights_in_place ? 1 : p.out_channels * p.taps());
            if (plan.family == LaneFamily::channels) channel_tile(work, channels, {0, p.out_channels}, weights);
            else pixel_tile(work, channels, weights);
        }
    }
    if (streaming) context.kernels.tile->fence();
}

template void input_task<float>(const Conv2dContext<float>&, const Conv2dInputPlan&, std::int64_t, const float*, bool,
                                const SharedTapSums<float>&, WriteMode, Scratch<float>) noexcept;
template void input_task<double>(const Conv2dContext<double>&, const Conv2dInputPlan&, std::int64_t, const double*,
                                 bool, const SharedTapSums<double>&, WriteMode, Scratch<double>) noexcept;

}  // namespace backgrad::ops
