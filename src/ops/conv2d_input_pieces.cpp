#include "ops/conv2d_input_pieces.hpp"

#include "ops/conv2d_input.hpp"
#include "ops/conv2d_input_tiles.hpp"
#include "ops/conv2d_prefetch.hpp"

#include <algorithm>

namespace backgrad::ops {

namespace {

using kernels::Run;
using plan::Conv2dInputPlan;
using plan::Range;

/// The scratch of a task.
template <class T>
struct PiecesMemory {
    Run* runs;
    T *weights, *staging, *panels;

    PiecesMemory(const plan::Conv2dProblem& p, const Conv2dInputPlan& plan, Scratch<T>& scratch)
        : runs(reinterpret_cast<Run*>(scratch.take(plan::Conv2dWeightPlan::run_elements(p.taps(), sizeof(T))))),
          weights(scratch.take(plan.piece_elements)),
          staging(scratch.take(plan.blocks_at_once * plan.staging_elements)),
          panels(scratch.take(plan.blocks_at_once * plan.panel_elements)) {}
};

/// The block of output channels of the sum's order that begins there.
Range output_block(const plan::Conv2dProblem& p, std::int64_t begin) {
    return {begin, std::min(p.out_channels, begin + Conv2dInputPlan::channel_block)};
}

/// The weights of a channel tile and a block of output channels: where they come from, and where tiles read them.
template <class T>
class WeightPieces {
public:
    struct Piece {
        const T* weights;
        bool finite;
    };

    WeightPieces(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t group, const T* packed,
                 bool finite, T* memory)
        : context_(context), plan_(plan), group_(group), packed_(packed), finite_(finite), memory_(memory) {}

    Piece take(Range channels, Range outputs) const {
        if (!plan_.tasks_pack) return {packed(channels, outputs), finite_};
        return {memory_, pack_weight_piece(context_, plan_, group_, channels, outputs, memory_)};
    }

    void prefetch(Range channels, Range outputs, PrefetchList<T>& list) const {
        const plan::Conv2dProblem& p = context_.problem;
        if (!plan_.tasks_pack) {
            const std::int64_t elements = outputs.size() * p.taps() * packed_width(plan_, channels);
            return list.add({packed_, 0, 0, 0, 1}, packed(channels, outputs), 1, elements);
        }
        const std::int64_t output_step = p.in_channels * p.taps();
        const T* from = context_.arguments.weight + (group_ * p.out_channels + outputs.begin) * output_step;
        const TensorView<const T> view{from, 0, output_step, 0, 1};
        if (p.weight_ohwi)
            for (std::int64_t tap = 0; tap < p.taps(); ++tap)
                list.add(view, from + tap * p.in_channels + channels.begin, outputs.size(), channels.size());
        else list.add(view, from + channels.begin * p.taps(), outputs.size(), channels.size() * p.taps());
    }

private:
    const T* packed(Range channels, Range outputs) const {
        const plan::Conv2dProblem& p = context_.problem;
        return packed_ + channels.begin * p.out_channels * p.taps() +
               packed_unit(p, outputs.begin, outputs.size(), 0) * packed_width(plan_, channels);
    }

    const Conv2dContext<T>& context_;
    const Conv2dInputPlan& plan_;
    std::int64_t group_;
    const T* packed_;
    bool finite_;
    T* memory_;
};

/// Some blocks of a task, which meet each piece of the weights one after the other.
template <class T>
class BlocksAtOnce {
public:
    BlocksAtOnce(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t group, Range blocks,
                 const PiecesMemory<T>& memory)
        : context_(context), plan_(plan), count_(blocks.size()), memory_(memory) {
        for (std::int64_t i = 0; i < count_; ++i) {
            blocks_[i] = plan::input_block(context.problem, plan, blocks.begin + i);
            panels_[i] = pack_input_panel(context, plan, group, blocks_[i], memory.panels + i * plan.panel_elements);
        }
    }

    /// Adds the terms of some output channels to the sums of a channel tile, and writes those that end.
    void add(Range channels, Range outputs, const typename WeightPieces<T>::Piece& piece,
             const TensorView<T>& grad_input, kernels::Finish finish, PrefetchList<T>& prefetch) const {
        for (std::int64_t i = 0; i < count_; ++i) {
            if (blocks_[i].empty()) continue;
            T* staging = memory_.staging + i * plan_.staging_elements;
            channel_tile<T>({context_, plan_, blocks_[i], panels_[i], grad_input, memory_.runs, staging, !piece.finite,
                             finish, false, prefetch.queue()},
                            channels, outputs, piece.weights);
        }
    }

private:
    const Conv2dContext<T>& context_;
    const Conv2dInputPlan& plan_;
    std::int64_t count_;
    const PiecesMemory<T>& memory_;
    plan::InputBlock blocks_[Conv2dInputPlan::most_blocks_at_once];
    InputPanel<T> panels_[Conv2dInputPlan::most_blocks_at_once];
};

}  // namespace

template <class T>
void input_pieces_task(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t group, Range blocks,
                       Range tiles, const T* packed, bool finite, WriteMode mode, Scratch<T> scratch) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const PiecesMemory<T> memory(p, plan, scratch);
    const WeightPieces<T> pieces(context, plan, group, packed, finite, memory.weights);
    const TensorView<T> grad_input = context.grad_input(group);
    PrefetchList<T> prefetch;
    for (Range some{blocks.begin, blocks.begin}; some.begin < blocks.end; some.begin = some.end) {
        some.end = std::min(blocks.end, some.begin + plan.blocks_at_once);
        const BlocksAtOnce<T> at_once(context, plan, group, some, memory);
        for (std::int64_t t = tiles.begin; t < tiles.end; ++t) {
            const Range channels = plan.tile_channels(p, t);
            Range outputs = output_block(p, 0);
            for (bool more = true; more;) {
                const Range next = output_block(p, outputs.end);
                more = next.size() > 0;
                prefetch.clear();
                if (more) pieces.prefetch(channels, next, prefetch);
                else if (t + 1 < tiles.end) pieces.prefetch(plan.tile_channels(p, t + 1), output_block(p, 0), prefetch);
                at_once.add(channels, outputs, pieces.take(channels, outputs), grad_input, finish_of(mode), prefetch);
                outputs = next;
            }
        }
    }
}

template void input_pieces_task<float>(const Conv2dContext<float>&, const Conv2dInputPlan&, std::int64_t, Range, Range,
                                       const float*, bool, WriteMode, Scratch<float>) noexcept;
template void input_pieces_task<double>(const Conv2dContext<double>&, const Conv2dInputPlan&, std::int64_t, Range,
                                        Range, const double*, bool, WriteMode, Scratch<double>) noexcept;

}  // namespace backgrad::ops
