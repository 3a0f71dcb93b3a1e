#pragma once

#include "kernels/pool2d_window_rows.hpp"
#include "kernels/span_writer.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// One block of columns of one plane of grad_input. `fixed_slots` is problem.vectors.slots where it is small, else 0.
template <class T, PoolKind kind, bool shifted, int fixed_slots>
class NchwGatherer {
public:
    NchwGatherer(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors), rows_(problem, tensors),
          writer_(problem.accumulate, problem.streaming) {}

    void gather(std::int64_t plane, std::int64_t block, std::int64_t row_begin, std::int64_t row_end) {
        rows_.start(plane, block);
        block_ = block;
        first_vector_ = block * problem_.vectors.vectors_per_block;
        last_vector_ = first_vector_ + problem_.vectors.vectors_per_block;
        if (last_vector_ > problem_.vectors.vectors) last_vector_ = problem_.vectors.vectors;
        for (std::int64_t row = row_begin; row < row_end; ++row) {
            writer_.seek(tensors_.grad_input + (plane * problem_.in_height + row) * problem_.in_width +
                         first_vector_ * lanes);
            gather_row(row);
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    struct WindowRow {
        const T* gradients;
        const std::int32_t* positions;
    };

    void gather_row(std::int64_t row) {
        WindowRow windows[kernels::pool2d_max_rows];
        int count = 0;
        for (std::int64_t k = problem_.rows.first[row]; k < problem_.rows.first[row + 1]; ++k) {
            const std::int64_t y = problem_.rows.windows[k];
            rows_.require(y);
            windows[count++] = {rows_.gradients(y), rows_.positions(y)};
        }
        for (std::int64_t v = first_vector_; v < last_vector_; ++v) {
            const std::int64_t column = v * lanes;
            const Index position = Index::iota() +
                                   Index::broadcast(static_cast<std::int32_t>(row * problem_.in_width + column));
            vec<T> sum = vec<T>::zero();
            for (int k = 0; k < count; ++k) sum = add_windows(sum, windows[k], v, position);
            const std::int64_t left = problem_.in_width - column;
            writer_.put(sum, left < lanes ? static_cast<int>(left) : lanes);
        }
    }

    /// Adds the windows of one row that cover vector v of grad_input, in ascending order.
    [[gnu::always_inline]] vec<T> add_windows(vec<T> sum, const WindowRow& windows, std::int64_t v,
                                              Index position) const {
        const kernels::Pool2dColumns& columns = problem_.vectors;
        const int slots = fixed_slots > 0 ? fixed_slots : columns.slots;
        for (int s = 0; s < slots; ++s) {
            if constexpr (shifted) {
                const std::int64_t at = (v - first_vector_) * lanes + s * columns.shift;
                sum = add_shifted(sum, windows, at, position);
            } else {
                const std::int64_t slot = v * slots + s;
                sum = add_permuted(sum, windows, columns.base[slot], Index::load(columns.relative + slot * lanes),
                                   position);
            }
        }
        return sum;
    }

    vec<T> add_shifted(vec<T> sum, const WindowRow& windows, std::int64_t at, Index position) const {
        const vec<T> gradient = vec<T>::load(windows.gradients + at);
        if constexpr (kind == PoolKind::average) return sum + gradient;
        return sum + select(equal(Index::load(windows.positions + at), position), gradient, vec<T>::zero());
    }

    vec<T> add_permuted(vec<T> sum, const WindowRow& windows, std::int64_t at, Index relative,
                        Index position) const {
        const vec<T> gradient = permute(vec<T>::load(windows.gradients + at), relative);
        if constexpr (kind == PoolKind::average) return sum + select(negative(relative), vec<T>::zero(), gradient);
        // Where no window covers a lane its position becomes -1, which no pixel has.
        const Index maximum = permute(Index::load(windows.positions + at), relative) | sign(relative);
        return sum + select(equal(maximum, position), gradient, vec<T>::zero());
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    std::int64_t block_ = 0, first_vector_ = 0, last_vector_ = 0;
    WindowRows<T, kind> rows_;
    SpanWriter<T> writer_;
};

template <class T, PoolKind kind, bool shifted, int fixed_slots>
void gather_box(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                const kernels::Pool2dBox& box) {
    NchwGatherer<T, kind, shifted, fixed_slots> gatherer(problem, tensors);
    const kernels::Pool2dColumns& columns = problem.vectors;
    const std::int64_t blocks = (columns.vectors + columns.vectors_per_block - 1) / columns.vectors_per_block;
    for (std::int64_t n = box.batch_begin; n < box.batch_end; ++n) {
        for (std::int64_t c = box.channel_begin; c < box.channel_end; ++c) {
            for (std::int64_t block = 0; block < blocks; ++block) {
                gatherer.gather(n * problem.channels + c, block, box.row_begin, box.row_end);
            }
        }
    }
}

/// Windows of 1, 2 or 3 covering columns get loops of their own: they are unrolled and everything stays in registers.
template <class T, PoolKind kind, bool shifted>
void gather_box(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                const kernels::Pool2dBox& box) {
    switch (problem.vectors.slots) {
        case 1: return gather_box<T, kind, shifted, 1>(problem, tensors, box);
        case 2: return gather_box<T, kind, shifted, 2>(problem, tensors, box);
        case 3: return gather_box<T, kind, shifted, 3>(problem, tensors, box);
        default: return gather_box<T, kind, shifted, 0>(problem, tensors, box);
    }
}

template <class T, PoolKind kind>
void gather_nchw(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                 const kernels::Pool2dBox& box) {
    if (problem.vectors.shifted) return gather_box<T, kind, true>(problem, tensors, box);
    gather_box<T, kind, false>(problem, tensors, box);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
