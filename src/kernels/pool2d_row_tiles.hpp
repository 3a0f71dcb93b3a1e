#pragma once

#include "kernels/channel_vectors.hpp"
#include "kernels/pool2d_cells.hpp"
#include "kernels/pool2d_tile_maxima.hpp"
#include "kernels/row_tile_range.hpp"
#include "kernels/span_writer.hpp"
#include "kernels/unrolled.hpp"
#include "simd/index.hpp"

#include <type_traits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// NHWC without dilation, windows of `window` columns that are `stride` apart: some pixels side by side are computed
/// together, so that each window of a row is loaded once for all of them, while memory is read and written in order.
/// Lanes are channels.
template <class T, PoolRule rule, int window, int stride, class Writer>
class RowTiles {
public:
    RowTiles(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem),
          tensors_(tensors),
          tiles_(problem.in_width, problem.out_width, problem.padding_left),
          maxima_(problem),
          writer_(problem.accumulate, problem.streaming) {}

    void gather(const kernels::Pool2dBox& box) {
        const std::int64_t step = searching ? problem_.channels_per_block : box.channel_end - box.channel_begin;
        for (image_ = box.batch_begin; image_ < box.batch_end; ++image_) {
            for (channel_ = box.channel_begin; channel_ < box.channel_end; channel_ += step) {
                channels_ = box.channel_end - channel_ < step ? box.channel_end - channel_ : step;
                if constexpr (searching) {
                    const T* const image = tensors_.input + image_ * problem_.in_height * row_elements();
                    const std::int64_t first_window = (box.row_begin + problem_.padding_top) / stride - before;
                    maxima_.start(image, channel_, channel_ + channels_, first_window);
                }
                for (std::int64_t row = box.row_begin; row < box.row_end; ++row) gather_row(row);
            }
        }
    }

private:
    static constexpr bool searching = rule == PoolRule::input;
    static constexpr int lanes = vec<T>::lanes;
    using Tiles = RowTileRange<window, stride>;
    using Tile = typename Tiles::Tile;
    static constexpr int windows = Tiles::windows, tile = Tiles::pixels, before = Tiles::before;
    static constexpr bool by_cells = rule != PoolRule::plane_indices;  ///< maxima are numbers of cells, else positions
    using Index = index_vec<T>;
    using Saved = std::conditional_t<rule == PoolRule::plane_indices, std::int32_t, std::uint8_t>;
    using Maxima = std::conditional_t<searching, TileMaxima<T, window, stride>, NoTileMaxima>;

    /// A row of windows, from the block's first channel on.
    struct Windows {
        const T* gradients;
        const Saved* saved;      ///< maximum: tells which cell it is
        const T* reciprocals;    ///< average
        std::int32_t first_tap;  ///< offsets: number of the first cell of the window's row that lies on the pixels
    };

    /// The windows that cover a row of pixels, and the pixels.
    struct Line {
        Windows windows[kernels::pool2d_max_rows];
        int rows;
        std::int32_t position;
        T* to;
    };

    std::int64_t row_elements() const { return problem_.in_width * problem_.channels; }

    [[gnu::noinline]] void gather_row(std::int64_t row) {
        const std::int64_t begin = problem_.rows.first[row], end = problem_.rows.first[row + 1];
        if constexpr (searching) {
            if (begin < end) maxima_.require(problem_.rows.windows[end - 1]);
        }
        Line line;
        line.rows = static_cast<int>(end - begin);
        line.position = static_cast<std::int32_t>(row * problem_.in_width);
        line.to = tensors_.grad_input + (image_ * problem_.in_height + row) * row_elements() + channel_;
        for (std::int64_t j = begin; j < end; ++j) line.windows[j - begin] = windows_of(j);
        switch (line.rows) {
            case 1:
                return add_up<1>(line);
            case 2:
                return add_up<2>(line);
            default:
                return add_up<0>(line);
        }
    }

    /// j numbers the covers of a row.
    Windows windows_of(std::int64_t j) const {
        const std::int64_t y = problem_.rows.windows[j];
        const std::int64_t at = (image_ * problem_.out_height + y) * problem_.out_width * problem_.channels + channel_;
        Windows result{tensors_.grad_output + at, nullptr, nullptr, 0};
        if constexpr (rule == PoolRule::average) result.reciprocals = tensors_.reciprocals[y];
        if constexpr (rule == PoolRule::plane_indices) result.saved = tensors_.plane_indices + at;
        if constexpr (rule == PoolRule::window_offsets) result.saved = tensors_.window_offsets + at;
        if constexpr (searching) result.saved = maxima_.row(y);
        if constexpr (by_cells) result.first_tap = static_cast<std::int32_t>(problem_.rows.taps[j] * window);
        return result;
    }

    std::int64_t saved_step() const {
        if constexpr (searching) return maxima_.window_step();
        else return problem_.channels;
    }

    /// `fixed`: rows of windows that cover the pixels if the compiler may know them.
    template <int fixed>
    [[gnu::always_inline]] void add_up(const Line& line) const {
        add_up_parts(line, 0, tiles_.first_whole);
        const bool fetching = problem_.fetching && line.rows > 0;
        fetching ? add_up_whole<fixed, true>(line) : add_up_whole<fixed, false>(line);
        add_up_parts(line, tiles_.end_whole, tiles_.count);
    }

    template <int fixed, bool fetching>
    [[gnu::always_inline]] void add_up_whole(const Line& line) const {
        const int rows = fixed > 0 ? fixed : line.rows;
        const Steps steps{problem_.channels, saved_step()};
        const std::int64_t channels = channels_;
        tiles_.for_each_whole([&](const Tile& part) __attribute__((always_inline)) {
            for_each_vector<T>(
                channels, [&](std::int64_t c, int n) __attribute__((always_inline)) {
                    add_channels<true, fetching>(line, rows, part, steps, c, n);
                });
        });
    }

    /// Tiles [first, end), whatever they meet.
    [[gnu::noinline]] void add_up_parts(const Line& line, std::int64_t first, std::int64_t end) const {
        const Steps steps{problem_.channels, saved_step()};
        for (std::int64_t k = first; k < end; ++k) {
            const Tile part = tiles_.at(k);
            for_each_vector<T>(
                channels_, [&](std::int64_t c, int n) __attribute__((always_inline)) {
                    add_channels<false, false>(line, line.rows, part, steps, c, n);
                });
        }
    }

    /// From pixel to pixel, and from window to window in what tells its maximum.
    struct Steps {
        std::int64_t pixel, saved;
    };

    template <bool whole, bool fetching>
    [[gnu::always_inline]] void add_channels(const Line& line, int rows, const Tile& part, const Steps& steps,
                                             std::int64_t c, int n) const {
        vec<T> sums[tile];
        unrolled<tile>([&](auto pixel) { sums[pixel] = vec<T>::zero(); });
        const auto position = static_cast<std::int32_t>(line.position + part.column);
        for (int j = 0; j < rows; ++j) add_row<whole>(line.windows[j], part, position, steps, c, n, sums);
        T* const to = line.to + part.column * steps.pixel + c;
        if constexpr (fetching) fetch_ahead(line.windows[rows - 1], part.x, steps, c, to);
        unrolled<tile>([&](auto pixel) __attribute__((always_inline)) {
            if (whole || (part.first <= pixel && pixel < part.end)) {
                write_channels<Writer, 1>(to + pixel * steps.pixel, sums[pixel], n);
            }
        });
    }

    /// Long pixels are read and written in runs that are too short for the hardware's prefetchers. The row of windows
    /// below the lowest one comes next, and the pixels of the next tile.
    [[gnu::always_inline]] void fetch_ahead(const Windows& lowest, std::int64_t x, const Steps& steps, std::int64_t c,
                                            const T* to) const {
        const std::int64_t below = (problem_.out_width + x) * steps.pixel + c;
        unrolled<windows>([&](auto w) {
            prefetch_to_l2(lowest.gradients + below + w * steps.pixel);
            if constexpr (rule == PoolRule::plane_indices || rule == PoolRule::window_offsets) {
                prefetch_to_l2(lowest.saved + below + w * steps.pixel);
            }
        });
        if constexpr (!std::is_same_v<Writer, StreamWriter<T>>) {
            unrolled<tile>([&](auto pixel) { prefetch_to_write(to + (tile + pixel) * steps.pixel); });
        }
    }

    /// Adds the windows of a row.
    template <bool whole>
    [[gnu::always_inline]] static void add_row(const Windows& from, const Tile& part, std::int32_t position,
                                               const Steps& steps, std::int64_t c, int n, vec<T> (&sums)[tile]) {
        const Index first = number(by_cells ? from.first_tap : position);
        unrolled<before + windows>([&](auto beside) __attribute__((always_inline)) {
            if (!whole && (beside < part.first_window || beside >= part.end_window)) return;
            vec<T> gradient = load_some(from.gradients + (part.x + beside) * steps.pixel + c, n);
            if constexpr (rule == PoolRule::average) {
                gradient = gradient * vec<T>::broadcast(from.reciprocals[part.x + beside]);
                add_where_covered<beside>([&](auto pixel, int)
                                              __attribute__((always_inline)) { sums[pixel] = sums[pixel] + gradient; });
            } else {
                // A load that is part of a masked addition would wait for the mask.
                keep_in_register(gradient);
                const Saved* const saved = from.saved + (part.x + beside) * steps.saved + c;
                const Index maximum = (n == lanes ? Index::load(saved) : Index::load_first(saved, n)) - first;
                add_where_covered<beside>([&](auto pixel, int tap) __attribute__((always_inline)) {
                    const Index expected = number(by_cells ? tap : static_cast<int>(pixel));
                    sums[pixel] = add_where(equal(maximum, expected), sums[pixel], gradient);
                });
            }
        });
    }

    /// Calls add(pixel, tap) for the pixels of a tile that a window covers, tap being its column there.
    template <int beside, class Add>
    [[gnu::always_inline]] static void add_where_covered(const Add& add) {
        unrolled<tile>([&](auto pixel) __attribute__((always_inline)) {
            if constexpr (Tiles::meets(pixel, beside)) add(pixel, Tiles::tap(pixel, beside));
        });
    }

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    const Tiles tiles_;
    std::int64_t image_ = 0, channel_ = 0, channels_ = 0;
    Maxima maxima_;
    Writer writer_;  ///< finishes its stores when it is destroyed
};

template <class T, PoolRule rule, int window, int stride>
void gather_row_tiles_of(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                         const kernels::Pool2dBox& box) {
    const bool aligned =
        StreamWriter<T>::serves(tensors.grad_input, problem.channels, box.channel_begin, box.channel_end);
    with_unbuffered_writer<T>(problem.accumulate, problem.streaming && aligned, [&](auto writer) {
        RowTiles<T, rule, window, stride, typename decltype(writer)::type>(problem, tensors).gather(box);
    });
}

/// Windows as plan::has_row_tiles() allows them.
template <class T, PoolRule rule>
void gather_row_tiles(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                      const kernels::Pool2dBox& box) {
    const auto is = [&](int window, int stride) {
        return problem.window_width == window && problem.stride_width == stride;
    };
    if (is(2, 1)) return gather_row_tiles_of<T, rule, 2, 1>(problem, tensors, box);
    if (is(3, 1)) return gather_row_tiles_of<T, rule, 3, 1>(problem, tensors, box);
    if (is(3, 2)) return gather_row_tiles_of<T, rule, 3, 2>(problem, tensors, box);
    // Windows that do not meet are searched faster on their own.
    if constexpr (rule != PoolRule::input) {
        if (is(2, 2)) return gather_row_tiles_of<T, rule, 2, 2>(problem, tensors, box);
        if (is(4, 2)) return gather_row_tiles_of<T, rule, 4, 2>(problem, tensors, box);
        if (is(5, 1)) return gather_row_tiles_of<T, rule, 5, 1>(problem, tensors, box);
        if (is(5, 2)) return gather_row_tiles_of<T, rule, 5, 2>(problem, tensors, box);
        gather_row_tiles_of<T, rule, 3, 3>(problem, tensors, box);
    }
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
