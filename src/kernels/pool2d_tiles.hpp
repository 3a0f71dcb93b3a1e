#pragma once

#include "kernels/pool2d_tile_maxima.hpp"
#include "kernels/span_writer.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// NHWC, from the input, maxima of overlapping windows without dilation: the pixels of a few rows in the same column
/// are computed together, so that each window is loaded once for all of them. Lanes are channels.
template <class T, int window, int stride, class Writer>
class TileGatherer {
public:
    TileGatherer(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors), maxima_(problem), writer_(problem.accumulate, problem.streaming) {}

    void gather(const kernels::Pool2dBox& box) {
        const std::int64_t step = problem_.channels_per_block;
        row_begin_ = box.row_begin;
        row_end_ = box.row_end;
        // A tile begins with the first cells of a row of windows.
        const std::int64_t first = (box.row_begin + problem_.padding_top) / stride;
        for (image_ = box.batch_begin; image_ < box.batch_end; ++image_) {
            for (channel_ = box.channel_begin; channel_ < box.channel_end; channel_ += step) {
                channels_ = box.channel_end - channel_ < step ? box.channel_end - channel_ : step;
                maxima_.start(tensors_.input + pixel(0, 0), channel_, channel_ + channels_, first - above);
                for (std::int64_t y = first; stride * y - problem_.padding_top < row_end_; y += tile / stride) {
                    gather_tile(y);
                }
            }
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    static constexpr int tile = kernels::pool2d_tile_rows;
    static constexpr int above = (window - 1) / stride;  ///< rows of windows that begin above a tile
    static constexpr int window_rows = above + tile / stride;
    static constexpr int cached_rows = window_rows + tile / stride - 1;  ///< what is searched comes as whole tiles, too
    static_assert(cached_rows <= kernels::pool2d_tile_window_rows);
    using Index = index_vec<T>;

    /// The rows of windows on a tile, from the block's first channel on; null where there is none.
    struct Tile {
        std::int64_t row;  ///< of the first pixels
        const T* gradients[window_rows];
        const std::uint8_t* cells[window_rows];
    };

    std::int64_t pixel(std::int64_t row, std::int64_t column) const {
        return ((image_ * problem_.in_height + row) * problem_.in_width + column) * problem_.channels;
    }

    /// y: the row of windows that begins with the tile.
    [[gnu::noinline]] void gather_tile(std::int64_t y) {
        const std::int64_t last = y - above + window_rows - 1;
        maxima_.require(last < problem_.out_height ? last : problem_.out_height - 1);
        Tile all{};
        all.row = stride * y - problem_.padding_top;
        for (int j = 0; j < window_rows; ++j) bring_row(y - above + j, all.gradients[j], all.cells[j]);
        for (std::int64_t column = 0; column < problem_.in_width; ++column) {
            switch (problem_.columns.first[column + 1] - problem_.columns.first[column]) {
                case 0:
                    add_up<0>(all, column);
                    break;
                case 1:
                    add_up<1>(all, column);
                    break;
                case 2:
                    add_up<2>(all, column);
                    break;
                default:
                    add_up<window>(all, column);
            }
        }
    }

    void bring_row(std::int64_t y, const T*& gradients, const std::uint8_t*& cells) const {
        if (y < 0 || y >= problem_.out_height) return;
        const std::int64_t row = image_ * problem_.out_height + y;
        gradients = tensors_.grad_output + row * problem_.out_width * problem_.channels + channel_;
        cells = maxima_.row(y);
    }

    /// The pixels of a column, that `count` windows of a row cover.
    template <int count>
    [[gnu::always_inline]] void add_up(const Tile& windows, std::int64_t column) const {
        const std::int64_t k = problem_.columns.first[column];
        const std::int64_t x = count > 0 ? problem_.columns.windows[k] : 0;
        const std::int32_t column_tap = count > 0 ? problem_.columns.taps[k] : 0;
        T* const to = tensors_.grad_input + pixel(windows.row, column) + channel_;
        const std::int64_t row_step = problem_.in_width * problem_.channels;
        const std::int64_t first = row_begin_ - windows.row, end = row_end_ - windows.row;
        const std::int64_t gradient_step = problem_.channels, cell_step = maxima_.window_step();
        for (std::int64_t c = 0; c < channels_; c += lanes) {
            const int n = channels_ - c < lanes ? static_cast<int>(channels_ - c) : lanes;
            vec<T> sums[tile];
            unrolled<tile>([&](auto row) { sums[row] = vec<T>::zero(); });
            unrolled<window_rows>([&](auto j) __attribute__((always_inline)) {
                if (windows.gradients[j] == nullptr) return;
                const T* const gradients = windows.gradients[j] + x * gradient_step + c;
                const std::uint8_t* const cells = windows.cells[j] + x * cell_step + c;
                unrolled<count>([&](auto beside) __attribute__((always_inline)) {
                    vec<T> gradient = load_channels<1>(gradients + beside * gradient_step, n);
                    // A load that is part of a masked addition would wait for the mask.
                    keep_in_register(gradient);
                    const Index maximum = Index::load(cells + beside * cell_step);
                    unrolled<tile>([&](auto row) __attribute__((always_inline)) {
                        constexpr int tap = row + stride * (above - j);
                        if constexpr (tap < 0 || tap >= window) return;
                        const Index expected = number(tap * window + column_tap - beside * stride);
                        sums[row] = add_where(equal(maximum, expected), sums[row], gradient);
                    });
                });
            });
            unrolled<tile>([&](auto row) __attribute__((always_inline)) {
                if (first <= row && row < end) write_channels<Writer, 1>(to + row * row_step + c, sums[row], n);
            });
        }
    }

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    std::int64_t image_ = 0, channel_ = 0, channels_ = 0, row_begin_ = 0, row_end_ = 0;
    TileMaxima<T, window, stride, cached_rows> maxima_;
    Writer writer_;  ///< finishes its stores when it is destroyed
};

template <class T, int window, int stride>
void gather_tiles_of(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                     const kernels::Pool2dBox& box) {
    if (problem.accumulate) return TileGatherer<T, window, stride, AddingWriter<T>>(problem, tensors).gather(box);
    const bool aligned =
        StreamWriter<T>::serves(tensors.grad_input, problem.channels, box.channel_begin, box.channel_end);
    if (problem.streaming && aligned) {
        return TileGatherer<T, window, stride, StreamWriter<T>>(problem, tensors).gather(box);
    }
    TileGatherer<T, window, stride, DirectWriter<T>>(problem, tensors).gather(box);
}

template <class T>
void gather_tiles(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                  const kernels::Pool2dBox& box) {
    if (problem.stride_width == 2) return gather_tiles_of<T, 3, 2>(problem, tensors, box);
    if (problem.window_width == 3) return gather_tiles_of<T, 3, 1>(problem, tensors, box);
    gather_tiles_of<T, 2, 1>(problem, tensors, box);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
