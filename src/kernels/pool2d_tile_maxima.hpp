#pragma once

#include "kernels/channel_vectors.hpp"
#include "kernels/pool2d_best.hpp"
#include "kernels/pool2d_cells.hpp"
#include "kernels/unrolled.hpp"

#include <cstdint>
#include <limits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// NHWC: the cells in which overlapping windows have their maxima, as numbers in the window, for a block of channels.
/// The windows of a few rows that begin in the same column are searched together: the best cell of each row of the
/// input stays in registers for all of them. The rows of windows that meet a row of pixels are kept.
template <class T, int window, int stride>
class TileMaxima {
public:
    explicit TileMaxima(const kernels::Pool2dProblem& problem) : problem_(problem) {}

    /// Starts with channels [begin, end) of an image and the row y of windows.
    void start(const T* image, std::int64_t begin, std::int64_t end, std::int64_t y) {
        image_ = image;
        channel_ = begin;
        channels_ = end - begin;
        window_step_ = (channels_ + lanes - 1) / lanes * lanes;
        next_ = y > 0 ? y : 0;
        checked_ = 0;
    }

    /// Finds the rows of windows up to y.
    void require(std::int64_t y) {
        for (; next_ <= y; next_ += tile) are_finite() ? find<true>() : find<false>();
    }

    const std::uint8_t* row(std::int64_t y) const { return cells_ + place(y); }
    std::int64_t window_step() const { return window_step_; }

private:
    static constexpr int lanes = vec<T>::lanes;
    static constexpr int tile = kernels::pool2d_tile_rows / stride;
    static constexpr int cached_rows = (window - 1) / stride + tile;  ///< whole tiles are found
    static_assert(cached_rows <= kernels::pool2d_tile_window_rows);
    static constexpr int input_rows = stride * (tile - 1) + window;
    using Index = index_vec<T>;
    using Best = BestCell<T>;

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }
    static vec<T> nothing() { return vec<T>::broadcast(-std::numeric_limits<T>::infinity()); }

    std::int64_t place(std::int64_t y) const { return y % cached_rows * problem_.out_width * window_step_; }
    std::int64_t row_elements() const { return problem_.in_width * problem_.channels; }
    std::int64_t top() const { return stride * next_ - problem_.padding_top; }

    /// Of the rows of the next tile. Reading them in memory order brings them to the cache, too.
    bool are_finite() {
        const std::int64_t begin = top() > 0 ? top() : 0;
        const std::int64_t end = top() + input_rows < problem_.in_height ? top() + input_rows : problem_.in_height;
        bool finite = true;
        for (std::int64_t row = begin; row < end; ++row) {
            bool& of_row = finite_[row % input_rows];
            if (row >= checked_) of_row = all_finite(image_ + row * row_elements(), row_elements());
            finite &= of_row;
        }
        checked_ = end;
        return finite;
    }

    template <bool ordered>
    [[gnu::noinline]] void find() {
        for (std::int64_t x = 0; x < problem_.out_width; ++x) {
            const std::int64_t begin = stride * x - problem_.padding_left;
            const CellRange columns = columns_of_window(problem_, x);
            const auto first = static_cast<std::int32_t>(columns.first - begin);
            switch (columns.count()) {
                case 1:
                    find_windows<ordered, 1>(x, columns.first, first);
                    break;
                case 2:
                    find_windows<ordered, 2>(x, columns.first, first);
                    break;
                default:
                    find_windows<ordered, window>(x, columns.first, first);
            }
        }
    }

    /// Windows of which `count` columns, from `first` on, are inside the tensor.
    template <bool ordered, int count>
    [[gnu::always_inline]] void find_windows(std::int64_t x, std::int64_t column, std::int32_t first) {
        const std::int64_t top_row = top(), height = problem_.in_height, channels = problem_.channels;
        const T* const from = image_ + top_row * row_elements() + column * channels + channel_;
        const std::int64_t above = top_row < 0 ? -top_row : 0, row_step = row_elements();
        std::uint8_t* to[tile];
        unrolled<tile>([&](auto w) { to[w] = cells_ + place(next_ + w) + x * window_step_; });
        for (std::int64_t c = 0; c < channels_; c += lanes) {
            const int n = channels_ - c < lanes ? static_cast<int>(channels_ - c) : lanes;
            Best best[input_rows];
            unrolled<input_rows>([&](auto row) __attribute__((always_inline)) {
                // Outside the tensor -infinity, which exceeds nothing.
                best[row] = {nothing(), number(first)};
                if (top_row + row < 0 || top_row + row >= height) return;
                const T* const cells = from + row * row_step + c;
                best[row].value = load_some(cells, n);
                unrolled<count - 1>([&](auto before) __attribute__((always_inline)) {
                    constexpr int tap = before + 1;
                    best[row].template take<ordered>({load_some(cells + tap * channels, n), number(first + tap)});
                });
            });
            unrolled<tile>([&](auto w) __attribute__((always_inline)) {
                // The first cell inside stands below the rows above the tensor.
                const std::int64_t missing = above > w * stride ? (above - w * stride) * window : 0;
                Best all{best[w * stride].value, best[w * stride].position + number(missing)};
                unrolled<window - 1>([&](auto before) __attribute__((always_inline)) {
                    constexpr int tap = before + 1;
                    const Best& row = best[w * stride + tap];
                    all.template take<ordered>({row.value, row.position + number(tap * window)});
                });
                all.position.store(to[w] + c);
            });
        }
    }

    const kernels::Pool2dProblem& problem_;
    const T* image_ = nullptr;
    std::int64_t channel_ = 0, channels_ = 0, window_step_ = 0;
    std::int64_t next_ = 0;     ///< the first row of windows that is not found yet
    std::int64_t checked_ = 0;  ///< rows of the input before this one have been looked at
    bool finite_[input_rows]{};
    alignas(64) std::uint8_t cells_[kernels::pool2d_tile_windows];
};

/// Where nothing needs to be found.
struct NoTileMaxima {
    explicit NoTileMaxima(const kernels::Pool2dProblem&) {}
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
