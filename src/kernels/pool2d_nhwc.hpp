#pragma once

#include "kernels/pool2d_cells.hpp"
#include "kernels/pool2d_nhwc_maxima.hpp"
#include "kernels/span_writer.hpp"

#include <type_traits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// NHWC: lanes are channels, so a pixel needs no masks but at the last channels, and its windows are a plain list. The
/// list is made once per pixel, so that the loop over channels does nothing but load, compare, add and store.
template <class T, PoolRule rule, class Writer>
class NhwcGatherer {
public:
    NhwcGatherer(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem),
          tensors_(tensors),
          maxima_(problem, tensors),
          writer_(problem.accumulate, problem.streaming) {}

    void gather(const kernels::Pool2dBox& box) {
        const bool blocked = rule == PoolRule::input;
        const std::int64_t channel_step =
            min_of(blocked ? problem_.channels_per_block : problem_.channels, Writer::room);
        const std::int64_t column_step = blocked ? problem_.columns_per_block : problem_.in_width;
        for (image_ = box.batch_begin; image_ < box.batch_end; ++image_) {
            for (std::int64_t column = 0; column < problem_.in_width; column += column_step) {
                for (std::int64_t c = box.channel_begin; c < box.channel_end; c += channel_step) {
                    channel_ = c;
                    channels_ = min_of(channel_step, box.channel_end - c);
                    gather_block(column, min_of(column + column_step, problem_.in_width), box.row_begin, box.row_end);
                }
            }
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    static constexpr int most_windows = 32;
    /// Up to so many channels it takes longer to find a pixel's windows than to write it.
    static constexpr std::int64_t short_pixel = 512 / sizeof(T);
    /// Short pixels under the same window are written together: what they share is loaded once.
    static constexpr std::int64_t elements_at_once = 2048 / sizeof(T);
    static_assert(Writer::room >= elements_at_once);
    using Index = index_vec<T>;
    using Saved = std::conditional_t<rule == PoolRule::window_offsets, std::uint8_t, std::int32_t>;
    using Maxima = std::conditional_t<rule == PoolRule::input, PixelMaxima<T>, NoMaxima>;

    /// A window that covers a pixel. The pointers are those of the block's first channel.
    struct Window {
        const T* gradients;
        const Saved* saved;     ///< maximum: what stands here ...
        std::int32_t expected;  ///< ... if this pixel gets the gradient
        T reciprocal;           ///< average
    };

    void gather_block(std::int64_t column_begin, std::int64_t column_end, std::int64_t row_begin,
                      std::int64_t row_end) {
        maxima_.start(image_, column_begin, column_end, channel_, channels_);
        // Streaming stores must fill one line after the other.
        const bool short_pixels =
            !std::is_same_v<Writer, StreamWriter<T>> && channels_ == problem_.channels && channels_ <= short_pixel;
        for (std::int64_t row = row_begin; row < row_end; ++row) {
            maxima_.require(row);
            if (short_pixels) gather_short_pixels(row, column_begin, column_end);
            else gather_pixels(row, column_begin, column_end);
        }
    }

    [[gnu::always_inline]] void gather_pixels(std::int64_t row, std::int64_t begin, std::int64_t end) {
        for (std::int64_t column = begin; column < end;) {
            seek(row, column);
            const std::int64_t empty = pixels_without_windows(row, column, end);
            empty > 0 ? put_zeros(empty * channels_) : gather_pixel(row, column);
            column += empty > 0 ? empty : 1;
        }
    }

    [[gnu::noinline]] void gather_short_pixels(std::int64_t row, std::int64_t begin, std::int64_t end) {
        for (std::int64_t column = begin; column < end;) {
            seek(row, column);
            std::int64_t pixels = pixels_without_windows(row, column, end);
            if (pixels > 0) {
                put_zeros(pixels * channels_);
            } else if (pixels = pixels_of_one_window(row, column, end); pixels > 1) {
                gather_alike(row, column, pixels);
            } else {
                pixels = 1;
                gather_pixel(row, column);
            }
            column += pixels;
        }
    }

    void seek(std::int64_t row, std::int64_t column) {
        const std::int64_t pixel = (image_ * problem_.in_height + row) * problem_.in_width + column;
        writer_.seek(tensors_.grad_input + pixel * problem_.channels + channel_);
    }

    /// How many pixels side by side, as far as their channels are, too, meet no window.
    std::int64_t pixels_without_windows(std::int64_t row, std::int64_t begin, std::int64_t end) const {
        const std::int64_t* const first = problem_.columns.first;
        const bool none = problem_.rows.first[row] == problem_.rows.first[row + 1];
        if (channels_ < problem_.channels) return none || first[begin] == first[begin + 1] ? 1 : 0;
        std::int64_t column = begin;
        while (column < end && (none || first[column] == first[column + 1])) ++column;
        return column - begin;
    }

    /// How many pixels side by side, as far as they may be put at once, meet one window each, the same.
    std::int64_t pixels_of_one_window(std::int64_t row, std::int64_t begin, std::int64_t end) const {
        if (problem_.rows.first[row + 1] - problem_.rows.first[row] != 1) return 0;
        const auto* const first = problem_.columns.first;
        const auto* const windows = problem_.columns.windows;
        const std::int64_t stop = min_of(end, begin + elements_at_once / channels_);
        std::int64_t column = begin;
        while (column < stop && first[column + 1] - first[column] == 1 &&
               windows[first[column]] == windows[first[begin]]) {
            ++column;
        }
        return column - begin;
    }

    /// Such pixels: which cells of the window they are differs by one. A buffer takes whole vectors, so the last
    /// channels come first: what they write too much the next channels or pixels put right.
    [[gnu::noinline]] void gather_alike(std::int64_t row, std::int64_t column, std::int64_t pixels) {
        const auto position = static_cast<std::int32_t>(row * problem_.in_width + column);
        const Window one = window(problem_.rows.first[row], problem_.columns.first[column], position);
        const auto count = static_cast<std::int32_t>(pixels);
        const std::int64_t whole = channels_ / lanes * lanes;
        const int left = static_cast<int>(channels_ - whole);
        T* const to = writer_.reserve();
        if (left > 0) put_alike(one, count, whole, to, LoadFirst{left}, left);
        for (std::int64_t c = 0; c < whole; c += lanes) put_alike(one, count, c, to, LoadAll{}, lanes);
        writer_.commit(pixels * channels_);
    }

    /// One vector of their channels.
    template <class Load>
    [[gnu::always_inline]] void put_alike(const Window& one, std::int32_t pixels, std::int64_t c, T* to,
                                          const Load& load, int n) const {
        const std::int64_t step = channels_;
        const vec<T> gradient = load(one.gradients + c);
        to += c;
        if constexpr (rule == PoolRule::average) {
            const vec<T> share = vec<T>::zero() + gradient * vec<T>::broadcast(one.reciprocal);
            for (std::int32_t k = 0; k < pixels; ++k, to += step) Writer::write_first(to, share, n);
        } else {
            const Index maximum = load.index(one.saved + c) - Index::broadcast(one.expected);
            for (std::int32_t k = 0; k < pixels; ++k, to += step) {
                const auto hit = equal(maximum, Index::broadcast(k));
                Writer::write_first(to, add_where(hit, vec<T>::zero(), gradient), n);
            }
        }
    }

    void put_zeros(std::int64_t count) {
        put_run<T>(writer_, 0, count, false, [](std::int64_t, int) { return vec<T>::zero(); });
    }

    [[gnu::always_inline]] void gather_pixel(std::int64_t row, std::int64_t column) {
        const kernels::Covers &rows = problem_.rows, &columns = problem_.columns;
        const std::int64_t j_begin = rows.first[row], j_end = rows.first[row + 1];
        const std::int64_t k_begin = columns.first[column], k_end = columns.first[column + 1];
        const auto position = static_cast<std::int32_t>(row * problem_.in_width + column);
        if ((j_end - j_begin) * (k_end - k_begin) > most_windows) {
            return put_channels([&](std::int64_t c, const auto& load) {
                vec<T> sum = vec<T>::zero();
                for (std::int64_t j = j_begin; j < j_end; ++j) {
                    for (std::int64_t k = k_begin; k < k_end; ++k) sum = add(sum, window(j, k, position), c, load);
                }
                return sum;
            });
        }
        if (j_end - j_begin == 1 && k_end - k_begin == 1) {
            const Window one = window(j_begin, k_begin, position);
            return put_sums<1>(&one, 1);
        }
        Window windows[most_windows];
        int count = 0;
        for (std::int64_t j = j_begin; j < j_end; ++j) {
            for (std::int64_t k = k_begin; k < k_end; ++k) windows[count++] = window(j, k, position);
        }
        switch (count) {
            case 2:
                return put_sums<2>(windows, 2);
            case 4:
                return put_sums<4>(windows, 4);
            case 9:
                return put_sums<9>(windows, 9);
            default:
                return put_sums<0>(windows, count);
        }
    }

    /// j and k number the covers of the pixel's row and column.
    Window window(std::int64_t j, std::int64_t k, std::int32_t position) {
        const std::int64_t y = problem_.rows.windows[j], x = problem_.columns.windows[k];
        const std::int64_t pixel = (image_ * problem_.out_height + y) * problem_.out_width + x;
        const std::int64_t at = pixel * problem_.channels + channel_;
        const T* const gradients = tensors_.grad_output + at;
        if constexpr (rule == PoolRule::average) {
            return {gradients, nullptr, 0, tensors_.reciprocals[y][x]};
        } else if constexpr (rule == PoolRule::plane_indices) {
            return {gradients, tensors_.plane_indices + at, position, 0};
        } else if constexpr (rule == PoolRule::window_offsets) {
            const std::int64_t offset = problem_.rows.taps[j] * problem_.window_width + problem_.columns.taps[k];
            return {gradients, tensors_.window_offsets + at, static_cast<std::int32_t>(offset), 0};
        } else {
            return {gradients, maxima_.at(y, x), position, 0};
        }
    }

    /// `fixed`: number of windows if the compiler may know it.
    template <int fixed>
    [[gnu::always_inline]] void put_sums(const Window* windows, int count) {
        const int size = fixed > 0 ? fixed : count;
        put_channels([&](std::int64_t c, const auto& load) __attribute__((always_inline)) {
            vec<T> sum = vec<T>::zero();
            for (int j = 0; j < size; ++j) sum = add(sum, windows[j], c, load);
            return sum;
        });
    }

    /// Writes sum_of(channel, load) for all channels of the block.
    template <class Sum>
    [[gnu::always_inline]] void put_channels(const Sum& sum_of) {
        const std::int64_t channels = channels_;
        T* const to = writer_.reserve();
        std::int64_t c = 0;
        for (; c + lanes <= channels; c += lanes) Writer::write(to + c, sum_of(c, LoadAll{}));
        if (c < channels) {
            const int left = static_cast<int>(channels - c);
            Writer::write_first(to + c, sum_of(c, LoadFirst{left}), left);
        }
        writer_.commit(channels);
    }

    struct LoadAll {
        vec<T> operator()(const T* p) const { return vec<T>::load(p); }
        Index index(const Saved* p) const { return Index::load(p); }
    };
    struct LoadFirst {
        vec<T> operator()(const T* p) const { return vec<T>::load_first(p, count); }
        Index index(const Saved* p) const { return Index::load_first(p, count); }
        int count;
    };

    template <class Load>
    [[gnu::always_inline]] static vec<T> add(vec<T> sum, const Window& window, std::int64_t c, const Load& load) {
        vec<T> gradient = load(window.gradients + c);
        if constexpr (rule == PoolRule::average) {
            return sum + gradient * vec<T>::broadcast(window.reciprocal);
        } else {
            // A load that is part of a masked addition would wait for the mask.
            keep_in_register(gradient);
            const auto hit = equal(load.index(window.saved + c), Index::broadcast(window.expected));
            return add_where(hit, sum, gradient);
        }
    }

    static constexpr std::int64_t min_of(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    std::int64_t image_ = 0, channel_ = 0, channels_ = 0;
    Maxima maxima_;
    Writer writer_;
};

template <class T, PoolRule rule>
void gather_nhwc(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                 const kernels::Pool2dBox& box) {
    if (!problem.accumulate && !problem.streaming) {
        return NhwcGatherer<T, rule, DirectWriter<T>>(problem, tensors).gather(box);
    }
    const bool aligned =
        StreamWriter<T>::serves(tensors.grad_input, problem.channels, box.channel_begin, box.channel_end);
    if (!problem.accumulate && aligned) {
        return NhwcGatherer<T, rule, StreamWriter<T>>(problem, tensors).gather(box);
    }
    NhwcGatherer<T, rule, SpanWriter<T>>(problem, tensors).gather(box);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
