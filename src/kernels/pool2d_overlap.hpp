#pragma once

#include "kernels/pool2d_overlap_maxima.hpp"
#include "kernels/span_writer.hpp"

#include <type_traits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// NHWC without dilation: the windows that cover a pixel are side by side in a few rows of windows. Lanes are channels.
/// Rows are computed in memory order; maxima that are searched first go through scratch, as many channels as fit.
template <class T, PoolRule rule, class Writer>
class OverlapGatherer {
public:
    OverlapGatherer(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors), maxima_(problem), writer_(problem.accumulate, problem.streaming) {}

    void gather(const kernels::Pool2dBox& box) {
        const std::int64_t step = problem_.channels_per_block;
        for (image_ = box.batch_begin; image_ < box.batch_end; ++image_) {
            for (channel_ = box.channel_begin; channel_ < box.channel_end; channel_ += step) {
                channels_ = box.channel_end - channel_ < step ? box.channel_end - channel_ : step;
                maxima_.start(tensors_.input + image_ * problem_.in_height * row_elements(), channel_,
                              channel_ + channels_);
                for (std::int64_t row = box.row_begin; row < box.row_end; ++row) gather_row(row);
            }
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;
    using Saved = std::conditional_t<rule == PoolRule::window_offsets, std::uint8_t, std::int32_t>;
    using Maxima = std::conditional_t<rule == PoolRule::input, OverlapMaxima<T>, NoOverlapMaxima>;

    /// A row of windows, from the block's first channel on.
    struct Windows {
        const T* gradients;
        const Saved* saved;      ///< maximum: what stands here tells which cell it is
        const T* reciprocals;    ///< average
        std::int32_t first_tap;  ///< number of the first cell of the window's row that lies on the pixels
    };

    [[gnu::noinline]] void gather_row(std::int64_t row) {
        const std::int64_t first = problem_.rows.first[row], end = problem_.rows.first[row + 1];
        Windows windows[kernels::pool2d_max_rows];
        for (std::int64_t j = first; j < end; ++j) windows[j - first] = windows_of(j);
        const Line line{windows, static_cast<int>(end - first), saved_step()};
        for (std::int64_t column = 0; column < problem_.in_width; ++column) put(line, row, column);
    }

    std::int64_t saved_step() const {
        if constexpr (rule == PoolRule::input) return maxima_.window_step();
        else return problem_.channels;
    }

    std::int64_t row_elements() const { return problem_.in_width * problem_.channels; }

    /// j numbers the covers of a row.
    Windows windows_of(std::int64_t j) {
        const std::int64_t y = problem_.rows.windows[j];
        const std::int64_t at = (image_ * problem_.out_height + y) * problem_.out_width * problem_.channels + channel_;
        Windows windows{tensors_.grad_output + at, nullptr, nullptr, 0};
        if constexpr (rule == PoolRule::average) windows.reciprocals = tensors_.reciprocals[y];
        if constexpr (rule == PoolRule::input) windows.saved = maxima_.require(y);
        if constexpr (rule == PoolRule::plane_indices) windows.saved = tensors_.plane_indices + at;
        if constexpr (rule == PoolRule::window_offsets) {
            windows.saved = tensors_.window_offsets + at;
            windows.first_tap = static_cast<std::int32_t>(problem_.rows.taps[j] * problem_.window_width);
        }
        return windows;
    }

    /// What the pixels of a row have in common.
    struct Line {
        const Windows* windows;
        int rows;
        std::int64_t saved_step;  ///< from window to window
    };

    /// The windows in a row that cover a pixel: `count` of them from x on.
    struct Columns {
        std::int64_t x, count;
        std::int32_t tap;       ///< of the first one, that lies on the pixel
        std::int32_t position;  ///< of the pixel
    };

    [[gnu::always_inline]] void put(const Line& line, std::int64_t row, std::int64_t column) const {
        const std::int64_t k = problem_.columns.first[column], count = problem_.columns.first[column + 1] - k;
        const std::int64_t pixel = row * problem_.in_width + column;
        T* const to = tensors_.grad_input +
                      (image_ * problem_.in_height * problem_.in_width + pixel) * problem_.channels + channel_;
        const std::int64_t x = count > 0 ? problem_.columns.windows[k] : 0;
        const std::int32_t tap = count > 0 ? problem_.columns.taps[k] : 0;
        const Columns columns{x, count, tap, static_cast<std::int32_t>(pixel)};
        switch (count) {
            case 1:
                return add_up<1>(line, columns, to);
            case 2:
                return add_up<2>(line, columns, to);
            case 3:
                return add_up<3>(line, columns, to);
            default:
                return add_up<0>(line, columns, to);
        }
    }

    /// `fixed`: windows in a row if the compiler may know it.
    template <int fixed>
    [[gnu::always_inline]] void add_up(const Line& line, const Columns& columns, T* to) const {
        for_channels<T>(
            0, channels_, [&](auto vectors, std::int64_t c, int n) __attribute__((always_inline)) {
                vec<T> sums[vectors];
                unrolled<vectors>([&](auto v) { sums[v] = vec<T>::zero(); });
                for (int j = 0; j < line.rows; ++j) add_row<vectors, fixed>(line, line.windows[j], columns, c, n, sums);
                unrolled<vectors>([&](auto v) { write_channels<Writer, vectors>(to + c + v * lanes, sums[v], n); });
            });
    }

    /// Adds the windows of a row.
    template <int vectors, int fixed>
    [[gnu::always_inline]] void add_row(const Line& line, const Windows& windows, const Columns& columns,
                                        std::int64_t c, int n, vec<T> (&sums)[vectors]) const {
        const T* gradients = windows.gradients + columns.x * problem_.channels + c;
        const Saved* saved = windows.saved + columns.x * line.saved_step + c;
        for (std::int64_t k = 0; k < (fixed > 0 ? fixed : columns.count); ++k) {
            if constexpr (rule == PoolRule::average) {
                const vec<T> reciprocal = vec<T>::broadcast(windows.reciprocals[columns.x + k]);
                unrolled<vectors>(
                    [&](auto v) { sums[v] = sums[v] + load_channels<vectors>(gradients + v * lanes, n) * reciprocal; });
            } else {
                const auto tap = static_cast<std::int32_t>(columns.tap - k * problem_.stride_width);
                const bool in_window = rule == PoolRule::window_offsets;
                const Index expected = Index::broadcast(in_window ? windows.first_tap + tap : columns.position);
                unrolled<vectors>([&](auto v) {
                    vec<T> gradient = load_channels<vectors>(gradients + v * lanes, n);
                    // A load that is part of a masked addition would wait for the mask.
                    keep_in_register(gradient);
                    const bool whole = vectors > 1 || n == lanes;
                    const Index maximum =
                        whole ? Index::load(saved + v * lanes) : Index::load_first(saved + v * lanes, n);
                    sums[v] = add_where(equal(maximum, expected), sums[v], gradient);
                });
            }
            gradients += problem_.channels;
            saved += line.saved_step;
        }
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    std::int64_t image_ = 0, channel_ = 0, channels_ = 0;
    Maxima maxima_;
    Writer writer_;  ///< finishes its stores when it is destroyed
};

template <class T, PoolRule rule>
void gather_overlap(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                    const kernels::Pool2dBox& box) {
    const bool aligned =
        StreamWriter<T>::serves(tensors.grad_input, problem.channels, box.channel_begin, box.channel_end);
    with_unbuffered_writer<T>(problem.accumulate, problem.streaming && aligned, [&](auto writer) {
        OverlapGatherer<T, rule, typename decltype(writer)::type>(problem, tensors).gather(box);
    });
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
