#pragma once

#include "kernels/channel_vectors.hpp"
#include "kernels/pool2d_cells.hpp"
#include "kernels/pool2d_offsets.hpp"
#include "kernels/span_writer.hpp"
#include "kernels/unrolled.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// NCHW, from saved indices: blocks of rows of a plane, or two planes side by side, whose sums stand in scratch. One
/// window after the other adds its gradient where its maximum is, which is the order of gathering, too; then the sums
/// are written once. An index outside its window, or outside the block, leads to a sum that nobody reads.
template <class T, class Writer>
class PlaneScatterer {
public:
    PlaneScatterer(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem),
          scatter_(problem.scatter),
          tensors_(tensors),
          offsets_(problem, scatter_.window_rows, scatter_.window_columns),
          writer_(problem.accumulate, problem.streaming) {
        for (int p = 0; p < 2; ++p) sums_[p * sum_pitch + outside] = T(0);
    }

    void scatter(const kernels::Pool2dBox& box) {
        for (std::int64_t n = box.batch_begin; n < box.batch_end; ++n) {
            const std::int64_t end = n * problem_.channels + box.channel_end;
            std::int64_t plane = n * problem_.channels + box.channel_begin;
            if (scatter_.planes == 2) {
                for (; plane + 2 <= end; plane += 2) scatter_rows<2>(plane, box.row_begin, box.row_end);
            }
            for (; plane < end; ++plane) scatter_rows<1>(plane, box.row_begin, box.row_end);
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    /// Rows [row_begin, row_end) of pixels and the rows [begin, end) of windows that meet them.
    struct Block {
        std::int64_t row_begin, row_end, begin, end;
    };

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    template <int planes>
    void scatter_rows(std::int64_t plane, std::int64_t row_begin, std::int64_t row_end) {
        const std::int64_t stride = problem_.stride_height;
        for (std::int64_t row = row_begin; row < row_end; row += scatter_.rows) {
            Block block{row, row_end - row < scatter_.rows ? row_end : row + scatter_.rows, 0, 0};
            const std::int64_t first = row + problem_.padding_top - problem_.window_height;
            block.begin = first < 0 ? 0 : first / stride + 1;
            const std::int64_t last = (block.row_end - 1 + problem_.padding_top) / stride;
            block.end = last < problem_.out_height ? last + 1 : problem_.out_height;
            scatter_block<planes>(plane, block);
        }
    }

    template <int planes>
    void scatter_block(std::int64_t plane, const Block& block) {
        const std::int64_t pixels = (block.row_end - block.row_begin) * problem_.in_width;
        const std::int64_t windows = block.begin < block.end ? (block.end - block.begin) * problem_.out_width : 0;
        const T* gradients[planes];
        for (int p = 0; p < planes; ++p) {
            const std::int64_t at = ((plane + p) * problem_.out_height + block.begin) * problem_.out_width;
            gradients[p] = tensors_.grad_output + at;
            find_targets(block, at, windows, planes * windows, targets_ + p * target_pitch);
            T* const sums = sums_ + p * sum_pitch;
            for (std::int64_t k = 0; k < pixels; k += lanes) vec<T>::zero().store(sums + k);
        }
        add_up<planes>(gradients, windows);
        for (int p = 0; p < planes; ++p) {
            T* const sums = sums_ + p * sum_pitch;
            writer_.seek(tensors_.grad_input +
                         ((plane + p) * problem_.in_height + block.row_begin) * problem_.in_width);
            put_run<T>(writer_, 0, pixels, false, [&](std::int64_t k, int) { return vec<T>::load(sums + k); });
        }
    }

    /// Turns positions in the plane into places among the sums of a block. Rows of windows may lie above the block or
    /// below.
    struct Places {
        Index origin, last;

        Places(const Block& block, std::int64_t width)
            : origin(number(block.row_begin * width)), last(number((block.row_end - block.row_begin) * width - 1)) {}
        [[gnu::always_inline]] Index of(Index position) const {
            const Index pixel = position - origin;
            return select(negative(pixel | (last - pixel)), number(outside), pixel);
        }
    };

    /// Where the windows of a block, `at` in the tensors, add their gradients.
    void find_targets(const Block& block, std::int64_t at, std::int64_t windows, std::int64_t ahead,
                      std::int32_t* targets) const {
        if (problem_.source == kernels::MaximumSource::window_offsets) {
            const std::int64_t top = block.begin * problem_.stride_height - problem_.padding_top;
            offsets_.find(tensors_.window_offsets + at, top, windows, targets);
            return place_offsets(block, tensors_.grad_output + at + ahead, windows, targets);
        }
        switch (problem_.window_height) {
            case 2:
                return place_indices<2>(block, at, windows, ahead, targets);
            case 3:
                return place_indices<3>(block, at, windows, ahead, targets);
            default:
                return place_indices<0>(block, at, windows, ahead, targets);
        }
    }

    /// The positions that offsets gave lie in their windows.
    [[gnu::noinline]] void place_offsets(const Block& block, const T* next, std::int64_t windows,
                                         std::int32_t* targets) const {
        const Places places(block, problem_.in_width);
        for_each_vector<T>(windows, [&](std::int64_t k, int) {
            prefetch_to_l2(next + k);
            places.of(Index::load(targets + k)).store(targets + k);
        });
    }

    /// `fixed`: rows of a window if the compiler may know it.
    template <int fixed>
    [[gnu::noinline]] void place_indices(const Block& block, std::int64_t at, std::int64_t windows, std::int64_t ahead,
                                         std::int32_t* targets) const {
        const std::int64_t width = problem_.in_width;
        const std::int64_t top = block.begin * problem_.stride_height - problem_.padding_top;
        const std::int32_t* const indices = tensors_.plane_indices + at;
        const std::int64_t rows = fixed > 0 ? fixed : problem_.window_height;
        const Places places(block, width);
        const Index first = number(top * width), step = number(width);
        const std::int32_t *const first_cells = scatter_.first_cells, *const last_cells = scatter_.last_cells;
        const T* const gradients = tensors_.grad_output + at;
        for_each_vector<T>(
            windows, [&](std::int64_t k, int n) __attribute__((always_inline)) {
                prefetch_to_l2(gradients + k + ahead);
                prefetch_to_l2(indices + k + ahead);
                const Index position = n == lanes ? Index::load(indices + k) : Index::load_first(indices + k, n);
                const Index last = Index::load(last_cells + k), place = places.of(position);
                Index column = position - Index::load(first_cells + k) - first;
                Index target = number(outside);
                const auto meet_row = [&]() __attribute__((always_inline)) {
                    target = select(negative(column | (last - column)), target, place);
                    column = column - step;
                };
                if constexpr (fixed > 0) unrolled<fixed>([&](auto) __attribute__((always_inline)) { meet_row(); });
                else
                    for (std::int64_t row = 0; row < rows; ++row) meet_row();
                target.store(targets + k);
            });
    }

    template <int planes>
    [[gnu::noinline]] void add_up(const T* const (&gradients)[planes], std::int64_t windows) {
        T* const sums = sums_;
        const std::int32_t* const targets = targets_;
        for (std::int64_t k = 0; k < windows; ++k) {
            unrolled<planes>([&](auto p) __attribute__((always_inline)) {
                T& sum = sums[p * sum_pitch + targets[p * target_pitch + k]];
                sum += gradients[p][k];
            });
        }
    }

    /// The sum that nobody reads.
    static constexpr std::int64_t outside = kernels::pool2d_scatter_pixels;
    /// Planes stand neither a page apart nor a multiple of it.
    static constexpr std::int64_t sum_pitch = kernels::pool2d_scatter_pixels + 3 * 64;
    static constexpr std::int64_t target_pitch = kernels::pool2d_scatter_windows + 5 * 64;

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dScatter& scatter_;
    const kernels::Pool2dTensors<T>& tensors_;
    const OffsetPositions<T> offsets_;
    Writer writer_;
    alignas(64) T sums_[2 * sum_pitch];
    alignas(64) std::int32_t targets_[2 * target_pitch];
};

template <class T>
void scatter_planes(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                    const kernels::Pool2dBox& box) {
    if (problem.accumulate || problem.streaming) {
        return PlaneScatterer<T, SpanWriter<T>>(problem, tensors).scatter(box);
    }
    PlaneScatterer<T, DirectWriter<T>>(problem, tensors).scatter(box);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
