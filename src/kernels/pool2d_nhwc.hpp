#pragma once

#include "kernels/pool2d_kernels.hpp"
#include "kernels/span_writer.hpp"
#include "simd/index.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// What a lane of an NHWC kernel compares to find out whether its window's gradient goes to this pixel.
enum class NhwcRule { average, plane_indices, window_offsets, scratch_positions };

/// NHWC: lanes are channels, so a pixel needs no masks but at the last channels, and its windows are a plain list.
template <class T, NhwcRule rule>
class NhwcGatherer {
public:
    NhwcGatherer(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors), writer_(problem.accumulate, problem.streaming) {}

    void gather(const kernels::Pool2dBox& box) {
        const bool blocked = rule == NhwcRule::scratch_positions;
        const std::int64_t channel_step = blocked ? problem_.channels_per_block : problem_.channels;
        const std::int64_t column_step = blocked ? problem_.columns_per_block : problem_.in_width;
        for (image_ = box.batch_begin; image_ < box.batch_end; ++image_) {
            for (std::int64_t column = 0; column < problem_.in_width; column += column_step) {
                for (std::int64_t c = box.channel_begin; c < box.channel_end; c += channel_step) {
                    channel_begin_ = c;
                    channel_end_ = min_of(c + channel_step, box.channel_end);
                    gather_block(column, min_of(column + column_step, problem_.in_width), box.row_begin, box.row_end);
                }
            }
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    void gather_block(std::int64_t column_begin, std::int64_t column_end, std::int64_t row_begin,
                      std::int64_t row_end) {
        if constexpr (rule == NhwcRule::scratch_positions) start_scratch(column_begin, column_end);
        for (std::int64_t row = row_begin; row < row_end; ++row) {
            if constexpr (rule == NhwcRule::scratch_positions) require_rows(row);
            for (std::int64_t column = column_begin; column < column_end; ++column) {
                const std::int64_t pixel = (image_ * problem_.in_height + row) * problem_.in_width + column;
                writer_.seek(tensors_.grad_input + pixel * problem_.channels + channel_begin_);
                gather_pixel(row, column);
            }
        }
    }

    void gather_pixel(std::int64_t row, std::int64_t column) {
        const Index position = Index::broadcast(static_cast<std::int32_t>(row * problem_.in_width + column));
        const kernels::Covers &rows = problem_.rows, &columns = problem_.columns;
        for (std::int64_t c = channel_begin_; c < channel_end_; c += lanes) {
            const int n = channel_end_ - c < lanes ? static_cast<int>(channel_end_ - c) : lanes;
            vec<T> sum = vec<T>::zero();
            for (std::int64_t j = rows.first[row]; j < rows.first[row + 1]; ++j) {
                for (std::int64_t k = columns.first[column]; k < columns.first[column + 1]; ++k) {
                    sum = add_window(sum, j, k, c, n, position);
                }
            }
            writer_.put(sum, n);
        }
    }

    /// j and k number the covers of the pixel's row and column.
    [[gnu::always_inline]] vec<T> add_window(vec<T> sum, std::int64_t j, std::int64_t k, std::int64_t c, int n,
                                             Index position) const {
        const std::int64_t y = problem_.rows.windows[j], x = problem_.columns.windows[k];
        const std::int64_t window = (image_ * problem_.out_height + y) * problem_.out_width + x;
        const std::int64_t at = window * problem_.channels + c;
        const vec<T> gradient = load(tensors_.grad_output + at, n);
        if constexpr (rule == NhwcRule::average) {
            return sum + gradient * vec<T>::broadcast(tensors_.reciprocals[y][x]);
        } else if constexpr (rule == NhwcRule::plane_indices) {
            return add_equal(sum, gradient, load_index(tensors_.plane_indices + at, n), position);
        } else if constexpr (rule == NhwcRule::window_offsets) {
            const std::int64_t offset = problem_.rows.taps[j] * problem_.window_width + problem_.columns.taps[k];
            return add_equal(sum, gradient, load_index(tensors_.window_offsets + at, n),
                             Index::broadcast(static_cast<std::int32_t>(offset)));
        } else {
            return add_equal(sum, gradient, Index::load(scratch_positions(y, x) + (c - channel_begin_)), position);
        }
    }

    static vec<T> add_equal(vec<T> sum, vec<T> gradient, Index a, Index b) {
        return sum + select(equal(a, b), gradient, vec<T>::zero());
    }

    static vec<T> load(const T* p, int n) { return n == lanes ? vec<T>::load(p) : vec<T>::load_first(p, n); }
    template <class I>
    static Index load_index(const I* p, int n) {
        return n == lanes ? Index::load(p) : Index::load_first(p, n);
    }

    // What follows serves scratch_positions only: positions of the maxima of some rows of windows, found once for all
    // pixels that they cover.

    void start_scratch(std::int64_t column_begin, std::int64_t column_end) {
        window_begin_ = problem_.out_width;
        window_end_ = 0;
        const kernels::Covers& columns = problem_.columns;
        for (std::int64_t k = columns.first[column_begin]; k < columns.first[column_end]; ++k) {
            const std::int64_t x = columns.windows[k];
            if (x < window_begin_) window_begin_ = x;
            if (x >= window_end_) window_end_ = x + 1;
        }
        for (std::int64_t& tag : tags_) tag = -1;
    }

    void require_rows(std::int64_t row) {
        for (std::int64_t k = problem_.rows.first[row]; k < problem_.rows.first[row + 1]; ++k) {
            const std::int64_t y = problem_.rows.windows[k];
            std::int64_t& tag = tags_[y % problem_.cached_rows];
            if (tag != y) find_maxima(y);
            tag = y;
        }
    }

    [[gnu::noinline]] void find_maxima(std::int64_t y) {
        for (std::int64_t x = window_begin_; x < window_end_; ++x) {
            std::int32_t* to = scratch_positions(y, x);
            for (std::int64_t c = channel_begin_; c < channel_end_; c += lanes) {
                const int n = channel_end_ - c < lanes ? static_cast<int>(channel_end_ - c) : lanes;
                find_maximum(y, x, c, n).store(to + (c - channel_begin_));
            }
        }
    }

    /// Position of the first maximum of a window, -1 for a window without cells.
    Index find_maximum(std::int64_t y, std::int64_t x, std::int64_t c, int n) const {
        const std::int64_t top = y * problem_.stride_height - problem_.padding_top;
        const std::int64_t left = x * problem_.stride_width - problem_.padding_left;
        Index position = Index::broadcast(-1);
        vec<T> best = vec<T>::zero();
        for (std::int64_t r = 0; r < problem_.window_height; ++r) {
            const std::int64_t row = top + r * problem_.dilation_height;
            if (row < 0 || row >= problem_.in_height) continue;
            for (std::int64_t s = 0; s < problem_.window_width; ++s) {
                const std::int64_t column = left + s * problem_.dilation_width;
                if (column < 0 || column >= problem_.in_width) continue;
                const std::int64_t cell = row * problem_.in_width + column;
                const vec<T> value = load(
                    tensors_.input + (image_ * problem_.in_height * problem_.in_width + cell) * problem_.channels + c,
                    n);
                const Index here = Index::broadcast(static_cast<std::int32_t>(cell));
                best = select(negative(position), value, best);
                position = select(negative(position), here, position);
                const auto replace = exceeds(value, best);
                best = select(replace, value, best);
                position = select(replace, here, position);
            }
        }
        return position;
    }

    std::int32_t* scratch_positions(std::int64_t y, std::int64_t x) { return scratch_ + scratch_offset(y, x); }
    const std::int32_t* scratch_positions(std::int64_t y, std::int64_t x) const {
        return scratch_ + scratch_offset(y, x);
    }
    std::int64_t scratch_offset(std::int64_t y, std::int64_t x) const {
        const std::int64_t windows = window_end_ - window_begin_;
        return (y % problem_.cached_rows * windows + x - window_begin_) * problem_.channels_per_block;
    }

    static constexpr std::int64_t min_of(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    std::int64_t image_ = 0, channel_begin_ = 0, channel_end_ = 0;
    std::int64_t window_begin_ = 0, window_end_ = 0;
    std::int64_t tags_[kernels::pool2d_max_rows];
    SpanWriter<T> writer_;
    std::int32_t
        scratch_[rule == NhwcRule::scratch_positions ? kernels::pool2d_scratch_bytes / sizeof(std::int32_t) : 1];
};

template <class T, NhwcRule rule>
void gather_nhwc(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                 const kernels::Pool2dBox& box) {
    NhwcGatherer<T, rule>(problem, tensors).gather(box);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
