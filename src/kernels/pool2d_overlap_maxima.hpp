#pragma once

#include "kernels/channel_vectors.hpp"
#include "kernels/pool2d_best.hpp"
#include "kernels/pool2d_cells.hpp"
#include "kernels/unrolled.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// NHWC: positions of the maxima of rows of windows, for a block of channels. Each row of the input is reduced once, to
/// its best cell in every window; rows of windows that overlap share these rows.
template <class T>
class OverlapMaxima {
public:
    explicit OverlapMaxima(const kernels::Pool2dProblem& problem) : problem_(problem) {}

    /// Starts with channels [begin, end) of an image.
    void start(const T* image, std::int64_t begin, std::int64_t end) {
        image_ = image;
        channel_ = begin;
        channels_ = end - begin;
        window_step_ = (channels_ + lanes - 1) / lanes * lanes;
        pitch_ = problem_.out_width * window_step_;
        for (std::int64_t& tag : input_tags_) tag = -1;
        for (std::int64_t& tag : window_tags_) tag = -1;
    }

    /// Finds the row y of windows, if it is not there, and returns its positions, window_step() apart.
    const std::int32_t* require(std::int64_t y) {
        std::int32_t* const to = positions_ + y % problem_.cached_rows * pitch_;
        std::int64_t& tag = window_tags_[y % problem_.cached_rows];
        if (tag == y) return to;
        tag = y;
        const CellRange rows = rows_of_window(problem_, y);
        for (std::int64_t row = rows.first; row < rows.end; ++row) require_input(row);
        if (rows.count() > 0) are_finite(rows) ? join_rows<true>(rows, to) : join_rows<false>(rows, to);
        return to;
    }

    std::int64_t window_step() const { return window_step_; }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;
    using Best = BestCell<T>;

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    std::int64_t place(std::int64_t row) const { return row % problem_.window_height * pitch_; }

    void require_input(std::int64_t row) {
        std::int64_t& tag = input_tags_[row % problem_.window_height];
        if (tag == row) return;
        tag = row;
        // Reading the row in memory order brings it to the cache, too.
        const T* const pixels = image_ + row * problem_.in_width * problem_.channels;
        const bool finite = all_finite(pixels, problem_.in_width * problem_.channels);
        finite_[row % problem_.window_height] = finite;
        finite ? reduce_row<true>(row) : reduce_row<false>(row);
    }

    bool are_finite(const CellRange& rows) const {
        bool finite = true;
        for (std::int64_t row = rows.first; row < rows.end; ++row) finite &= finite_[row % problem_.window_height];
        return finite;
    }

    template <bool ordered>
    void reduce_row(std::int64_t row) {
        switch (problem_.window_width) {
            case 2:
                return reduce<ordered, 2>(row);
            case 3:
                return reduce<ordered, 3>(row);
            default:
                return reduce<ordered, 0>(row);
        }
    }

    template <bool ordered>
    void join_rows(const CellRange& rows, std::int32_t* to) const {
        switch (rows.count()) {
            case 2:
                return join<ordered, 2>(rows, to);
            case 3:
                return join<ordered, 3>(rows, to);
            default:
                return join<ordered, 0>(rows, to);
        }
    }

    /// `fixed`: cells of a window in a row if the compiler may know it.
    template <bool ordered, int fixed>
    [[gnu::noinline]] void reduce(std::int64_t row) {
        const T* const from = image_ + channel_ + row * problem_.in_width * problem_.channels;
        T* values = values_ + place(row);
        std::int32_t* columns = columns_ + place(row);
        for (std::int64_t x = 0; x < problem_.out_width; ++x, values += window_step_, columns += window_step_) {
            const CellRange cells = columns_of_window(problem_, x);
            const T* const first = from + cells.first * problem_.channels;
            const std::int64_t count = cells.count();
            if (count == 0) continue;
            const bool whole = count == problem_.window_width;
            for_channels<T>(
                0, channels_, [&](auto vectors, std::int64_t c, int n) __attribute__((always_inline)) {
                    if (whole)
                        reduce_window<ordered, vectors, fixed>(first + c, n, cells.first, count, values + c,
                                                               columns + c);
                    else reduce_window<ordered, vectors, 0>(first + c, n, cells.first, count, values + c, columns + c);
                });
        }
    }

    template <bool ordered, int vectors, int fixed>
    [[gnu::always_inline]] void reduce_window(const T* from, int n, std::int64_t column, std::int64_t count, T* values,
                                              std::int32_t* columns) const {
        const Index one = number(1);
        Index here = number(column);
        Best best[vectors];
        unrolled<vectors>([&](auto v) { best[v] = {load_channels<vectors>(from + v * lanes, n), here}; });
        for (std::int64_t k = 1; k < (fixed > 0 ? fixed : count); ++k) {
            from += problem_.channels;
            here = here + one;
            unrolled<vectors>([&](auto v) {
                best[v].template take<ordered>({load_channels<vectors>(from + v * lanes, n), here});
            });
        }
        unrolled<vectors>([&](auto v) {
            best[v].value.store(values + v * lanes);
            best[v].position.store(columns + v * lanes);
        });
    }

    /// `fixed`: rows of a window if the compiler may know it.
    template <bool ordered, int fixed>
    [[gnu::noinline]] void join(const CellRange& rows, std::int32_t* to) const {
        const std::int64_t count = fixed > 0 ? fixed : rows.count();
        std::int64_t at[fixed > 0 ? fixed : kernels::pool2d_max_rows];
        for (std::int64_t j = 0; j < count; ++j) at[j] = place(rows.first + j);
        const Index first = number(rows.first * problem_.in_width), step = number(problem_.in_width);
        for (std::int64_t k = 0; k < pitch_; k += lanes) {
            Index before = first;
            Best best{vec<T>::load(values_ + at[0] + k), Index::load(columns_ + at[0] + k) + before};
            for (std::int64_t j = 1; j < count; ++j) {
                before = before + step;
                best.template take<ordered>(
                    {vec<T>::load(values_ + at[j] + k), Index::load(columns_ + at[j] + k) + before});
            }
            best.position.store(to + k);
        }
    }

    const kernels::Pool2dProblem& problem_;
    const T* image_ = nullptr;
    std::int64_t channel_ = 0, channels_ = 0, window_step_ = 0, pitch_ = 0;
    std::int64_t input_tags_[kernels::pool2d_max_rows], window_tags_[kernels::pool2d_max_rows];
    bool finite_[kernels::pool2d_max_rows];
    alignas(64) T values_[kernels::pool2d_scratch_elements];
    alignas(64) std::int32_t columns_[kernels::pool2d_scratch_elements];
    alignas(64) std::int32_t positions_[kernels::pool2d_scratch_elements];
};

/// Where nothing needs to be found.
struct NoOverlapMaxima {
    template <class Problem>
    explicit NoOverlapMaxima(const Problem&) {}
    template <class T>
    void start(const T*, std::int64_t, std::int64_t) {}
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
