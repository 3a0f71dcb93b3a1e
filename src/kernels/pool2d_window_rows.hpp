#pragma once

#include "kernels/pool2d_kernels.hpp"
#include "kernels/pool2d_maxima.hpp"
#include "simd/index.hpp"

#include <cstdint>

namespace backgrad::BACKGRAD_ISA {
namespace {

enum class PoolKind { maximum, average };

/// Rows of windows of one NCHW plane and one block of columns, in scratch memory: the gradient of each window (times
/// 1 / area for the average) and the position of its maximum in the plane. Beyond the ends of the tensor the
/// gradients are zero, so the gathering loop needs no masks. A row stays until another needs its place.
template <class T, PoolKind kind>
class WindowRows {
public:
    WindowRows(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors), row_elements_(problem.vectors.pitch + lanes),
          maxima_(problem, reinterpret_cast<T*>(scratch_)) {
        // Scratch, in this order: padded input row, gradients, row maxima, positions, columns of the row maxima.
        const std::int64_t input_rows = uses_input() ? problem.cached_input_rows : 0;
        gradients_ = reinterpret_cast<T*>(scratch_) + (uses_input() ? RowMaxima<T>::padded_elements(problem) : 0);
        row_values_ = gradients_ + problem.cached_rows * row_elements_;
        running_ = row_values_ + input_rows * row_elements_;
        positions_ = reinterpret_cast<std::int32_t*>(running_ + (uses_input() ? row_elements_ : 0));
        row_columns_ = positions_ + problem.cached_rows * row_elements_;
    }

    /// Forgets the rows of the last plane and block.
    void start(std::int64_t plane, std::int64_t block) {
        plane_ = plane;
        first_ = problem_.vectors.first_window[block];
        begin_ = first_ > 0 ? first_ : 0;
        end_ = first_ + problem_.vectors.pitch;
        if (end_ > problem_.out_width) end_ = problem_.out_width;
        for (std::int64_t& tag : tags_) tag = -1;
        for (std::int64_t& tag : input_tags_) tag = -1;
    }

    /// Makes the row ready.
    void require(std::int64_t y) {
        const std::int64_t place = y % problem_.cached_rows;
        if (tags_[place] == y) return;
        tags_[place] = y;
        fill_gradients(y, gradients_ + place * row_elements_);
        if constexpr (kind == PoolKind::maximum) fill_positions(y, positions_ + place * row_elements_);
    }

    const T* gradients(std::int64_t y) const { return gradients_ + y % problem_.cached_rows * row_elements_; }
    const std::int32_t* positions(std::int64_t y) const {
        return positions_ + y % problem_.cached_rows * row_elements_;
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    bool uses_input() const {
        return kind == PoolKind::maximum && problem_.source == kernels::MaximumSource::input;
    }

    std::int64_t output_row(std::int64_t y) const {
        return (plane_ * problem_.out_height + y) * problem_.out_width;
    }

    /// to[k] belongs to window first_ + k.
    [[gnu::noinline]] void fill_gradients(std::int64_t y, T* to) const {
        const T* from = tensors_.grad_output + output_row(y);
        for (std::int64_t x = first_; x < begin_; x += lanes) vec<T>::zero().store(to + (x - first_));
        std::int64_t x = begin_;
        for (; x + lanes <= end_; x += lanes) scaled(vec<T>::load(from + x), y, x, lanes).store(to + (x - first_));
        if (x < end_) {
            const int left = static_cast<int>(end_ - x);
            scaled(vec<T>::load_first(from + x, left), y, x, left).store(to + (x - first_));
            x += lanes;
        }
        for (; x < first_ + problem_.vectors.pitch; x += lanes) vec<T>::zero().store(to + (x - first_));
    }

    vec<T> scaled(vec<T> gradient, std::int64_t y, std::int64_t x, int n) const {
        if constexpr (kind == PoolKind::maximum) return gradient;
        return gradient * vec<T>::load_first(tensors_.reciprocals[y] + x, n);
    }

    [[gnu::noinline]] void fill_positions(std::int64_t y, std::int32_t* to) {
        switch (problem_.source) {
            case kernels::MaximumSource::input: return positions_from_input(y, to + (begin_ - first_));
            case kernels::MaximumSource::plane_indices: return positions_from_indices(y, to);
            case kernels::MaximumSource::window_offsets: return positions_from_offsets(y, to);
        }
    }

    void positions_from_indices(std::int64_t y, std::int32_t* to) const {
        const std::int32_t* from = tensors_.plane_indices + output_row(y);
        std::int64_t x = begin_;
        for (; x + lanes <= end_; x += lanes) Index::load(from + x).store(to + (x - first_));
        if (x < end_) Index::load_first(from + x, static_cast<int>(end_ - x)).store(to + (x - first_));
    }

    void positions_from_offsets(std::int64_t y, std::int32_t* to) const {
        const std::uint8_t* from = tensors_.window_offsets + output_row(y);
        std::int64_t x = begin_;
        for (; x + lanes <= end_; x += lanes) {
            position_of_offset(Index::load(from + x), y, x).store(to + (x - first_));
        }
        if (x < end_) {
            const int left = static_cast<int>(end_ - x);
            position_of_offset(Index::load_first(from + x, left), y, x).store(to + (x - first_));
        }
    }

    /// offset = row * window_width + column, both of the window. A column outside the tensor gives -1: as a position
    /// it would be a pixel of the row above or below. So does a row beyond the window. Rows of the window that are
    /// outside the tensor give positions outside the plane.
    Index position_of_offset(Index offset, std::int64_t y, std::int64_t x) const {
        const auto number = [](std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); };
        // Exact for offsets below 256: the factor is too large by at most 1 / window_width per 65536.
        const Index row = high_half(offset * number(65536 / problem_.window_width + 1));
        const Index column = offset - row * number(problem_.window_width);
        const Index input_column = number(x * problem_.stride_width - problem_.padding_left) +
                                   Index::iota() * number(problem_.stride_width) +
                                   column * number(problem_.dilation_width);
        const std::int64_t first_row = y * problem_.stride_height - problem_.padding_top;
        const Index position = number(first_row * problem_.in_width) +
                               row * number(problem_.dilation_height * problem_.in_width) + input_column;
        return position | sign(input_column) | sign(number(problem_.in_width - 1) - input_column) |
               sign(number(problem_.window_height - 1) - row);
    }

    /// to[0] belongs to window begin_.
    void positions_from_input(std::int64_t y, std::int32_t* to) {
        bool first = true;
        for (std::int64_t r = 0; r < problem_.window_height; ++r) {
            const std::int64_t row = y * problem_.stride_height - problem_.padding_top + r * problem_.dilation_height;
            if (row < 0 || row >= problem_.in_height) continue;
            const std::int64_t place = row % problem_.cached_input_rows;
            T* values = row_values_ + place * row_elements_;
            std::int32_t* columns = row_columns_ + place * row_elements_;
            if (input_tags_[place] != row) {
                input_tags_[place] = row;
                maxima_.find(tensors_.input + (plane_ * problem_.in_height + row) * problem_.in_width, begin_, end_,
                             values, columns);
            }
            merge_row(first, values, columns, row * problem_.in_width, to);
            first = false;
        }
    }

    /// Replaces the maxima so far, in running_ and `to`, by those of one more row where these exceed them.
    void merge_row(bool first, const T* values, const std::int32_t* columns, std::int64_t row_position,
                   std::int32_t* to) const {
        const Index row = Index::broadcast(static_cast<std::int32_t>(row_position));
        for (std::int64_t x = 0; x < end_ - begin_; x += lanes) {
            const vec<T> value = vec<T>::load(values + x);
            const Index position = Index::load(columns + x) + row;
            if (first) {
                value.store(running_ + x);
                position.store(to + x);
            } else {
                const vec<T> best = vec<T>::load(running_ + x);
                const auto replace = exceeds(value, best);
                select(replace, value, best).store(running_ + x);
                select(replace, position, Index::load(to + x)).store(to + x);
            }
        }
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    std::int64_t row_elements_;
    std::int64_t plane_ = 0, first_ = 0, begin_ = 0, end_ = 0;  ///< windows [begin_, end_) exist
    std::int64_t tags_[kernels::pool2d_max_rows];
    std::int64_t input_tags_[kernels::pool2d_max_rows];
    T *gradients_, *row_values_, *running_;
    std::int32_t *positions_, *row_columns_;
    alignas(64) unsigned char scratch_[kernels::pool2d_scratch_bytes];
    RowMaxima<T> maxima_;
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
