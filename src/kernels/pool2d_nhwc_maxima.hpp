#pragma once

#include "kernels/pool2d_best.hpp"
#include "kernels/pool2d_cells.hpp"
#include "simd/index.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// NHWC: positions of the maxima of some rows of windows, found once for all pixels that they cover. Lanes are
/// channels.
template <class T>
class PixelMaxima {
public:
    PixelMaxima(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors) {}

    /// Makes the windows that cover columns [column_begin, column_end) of an image, and `channels` channels from
    /// `channel` on, the ones that are found. Rows found before are forgotten.
    void start(std::int64_t image, std::int64_t column_begin, std::int64_t column_end, std::int64_t channel,
               std::int64_t channels) {
        input_ = tensors_.input + image * problem_.in_height * problem_.in_width * problem_.channels + channel;
        channels_ = channels;
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

    /// Finds the maxima of all rows of windows that cover a row of the input.
    void require(std::int64_t row) {
        for (std::int64_t k = problem_.rows.first[row]; k < problem_.rows.first[row + 1]; ++k) {
            const std::int64_t y = problem_.rows.windows[k];
            std::int64_t& tag = tags_[y % problem_.cached_rows];
            if (tag != y) find_row(y);
            tag = y;
        }
    }

    /// Of window (y, x), channel by channel; -1 for a window without cells.
    std::int32_t* at(std::int64_t y, std::int64_t x) {
        const std::int64_t windows = window_end_ - window_begin_;
        return positions_ + (y % problem_.cached_rows * windows + x - window_begin_) * problem_.channels_per_block;
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    /// The cells of one window: rows x columns of them, the first at `input` and `position`. Steps are those from row
    /// to row and from column to column.
    struct Cells {
        const T* input;
        std::int32_t position;
        std::int64_t rows, columns;
        std::int64_t row_step, column_step;
        std::int32_t row_position_step, column_position_step;
        std::int64_t window_step;  ///< to the next window
    };

    using Best = BestCell<T>;

    [[gnu::noinline]] void find_row(std::int64_t y) {
        const CellRange rows = rows_of_window(problem_, y);
        Cells cells{};
        cells.rows = rows.count();
        cells.row_step = rows.step * problem_.in_width * problem_.channels;
        cells.column_step = problem_.dilation_width * problem_.channels;
        cells.row_position_step = static_cast<std::int32_t>(rows.step * problem_.in_width);
        cells.column_position_step = static_cast<std::int32_t>(problem_.dilation_width);
        cells.window_step = problem_.stride_width * problem_.channels;
        for (std::int64_t x = window_begin_; x < window_end_; ++x) {
            const CellRange columns = columns_of_window(problem_, x);
            const std::int64_t first = rows.first * problem_.in_width + columns.first;
            cells.columns = columns.count();
            cells.position = static_cast<std::int32_t>(first);
            cells.input = input_ + first * problem_.channels;
            find(cells, channels_, at(y, x));
        }
    }

    static void find(const Cells& cells, std::int64_t channels, std::int32_t* to) {
        switch (cells.rows == 0 ? 0 : cells.columns) {
            case 0:
                for (std::int64_t c = 0; c < channels; c += lanes) Index::broadcast(-1).store(to + c);
                return;
            case 2:
                return find_channels<2>(cells, channels, to);
            case 3:
                return find_channels<3>(cells, channels, to);
            default:
                return find_channels<0>(cells, channels, to);
        }
    }

    /// `fixed`: number of columns if the compiler may know it. Two vectors at once, because each comparison of a
    /// vector waits for the one before.
    template <int fixed>
    static void find_channels(const Cells window, std::int64_t channels, std::int32_t* to) {
        const auto whole = [](const T* p) { return vec<T>::load(p); };
        std::int64_t c = 0;
        for (; c + 2 * lanes <= channels; c += 2 * lanes) {
            const Index low = find_maximum<fixed>(window, window.input + c, whole);
            find_maximum<fixed>(window, window.input + c + lanes, whole).store(to + c + lanes);
            low.store(to + c);
        }
        for (; c < channels; c += lanes) {
            const int left = static_cast<int>(channels - c < lanes ? channels - c : lanes);
            const auto part = [left](const T* p) { return vec<T>::load_first(p, left); };
            find_maximum<fixed>(window, window.input + c, part).store(to + c);
        }
    }

    /// The first maximum in row-major order. Rows are reduced on their own before they meet: the chain of comparisons
    /// that wait for each other is h + w long and not h * w.
    template <int fixed, class Load>
    [[gnu::always_inline]] static Index find_maximum(const Cells& window, const T* p, const Load& load) {
        const Index row_step = Index::broadcast(window.row_position_step);
        Index position = Index::broadcast(window.position);
        Best best = best_of_row<fixed>(window, p, position, load);
        for (std::int64_t row = 1; row < window.rows; ++row) {
            p += window.row_step;
            position = position + row_step;
            best.take(best_of_row<fixed>(window, p, position, load));
        }
        return best.position;
    }

    template <int fixed, class Load>
    [[gnu::always_inline]] static Best best_of_row(const Cells& window, const T* p, Index position, const Load& load) {
        const Index column_step = Index::broadcast(window.column_position_step);
        Best best{load(p), position};
        for (std::int64_t k = 1; k < (fixed > 0 ? fixed : window.columns); ++k) {
            p += window.column_step;
            position = position + column_step;
            Best cell{load(p), position};
            keep_in_register(cell.value);
            best.take(cell);
        }
        // From memory, the next window comes sooner if it is asked for.
        prefetch_to_l2(p + window.window_step);
        return best;
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    const T* input_ = nullptr;
    std::int64_t channels_ = 0;
    std::int64_t window_begin_ = 0, window_end_ = 0;
    std::int64_t tags_[kernels::pool2d_max_rows];
    std::int32_t positions_[kernels::pool2d_scratch_elements];
};

/// Where nothing needs to be found.
struct NoMaxima {
    template <class Problem, class Tensors>
    NoMaxima(const Problem&, const Tensors&) {}
    void start(std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t) {}
    void require(std::int64_t) {}
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
