#pragma once

#include "kernels/pool2d_strip_maxima.hpp"
#include "kernels/pool2d_strip_sums.hpp"
#include "kernels/span_writer.hpp"

#include <cstdint>
#include <type_traits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// NCHW, overlapping windows without dilation: blocks of rows, strip by strip; planes whose rows fill at most half of a
/// strip in pairs. Gradients, indices and input are read where they lie; only blocks at the ends of a tensor, which
/// whole vectors would overrun, are copied first.
template <class T, PoolRule rule, int window, int stride, class Writer>
class StripGatherer {
public:
    StripGatherer(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors), writer_(problem.accumulate, problem.streaming) {
        const std::int64_t steps = Writer::room / (stride * problem.in_width);
        block_rows_ = stride * (steps < problem.strip_steps ? steps : problem.strip_steps);
    }

    void gather(const kernels::Pool2dBox& box) {
        for (std::int64_t n = box.batch_begin; n < box.batch_end; ++n) {
            const std::int64_t end = n * problem_.channels + box.channel_end;
            plane_ = n * problem_.channels + box.channel_begin;
            if constexpr (pairs) {
                for (; problem_.strip_planes == 2 && plane_ + 2 <= end; plane_ += 2) {
                    gather_rows<2>(box.row_begin, box.row_end);
                }
            }
            for (; plane_ < end; ++plane_) gather_plane(box);
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    static constexpr std::int64_t margin = kernels::pool2d_strip_margin;
    static constexpr bool streaming = std::is_same_v<Writer, StreamWriter<T>>;
    static constexpr bool pairs = strips_of_two_planes<T> && !streaming;
    template <int planes>
    using Sums = StripSums<T, rule, window, stride, planes, streaming>;
    using Saved = typename Sums<1>::Saved;
    using Windows = typename Sums<1>::Windows;

    void gather_plane(const kernels::Pool2dBox& box) {
        for (std::int64_t row = box.row_begin; row < box.row_end; row += block_rows_) {
            const std::int64_t left = box.row_end - row;
            gather_rows<1>(row, row + (left < block_rows_ ? left : block_rows_));
        }
    }

    /// Of two planes, all rows.
    template <int planes>
    void gather_rows(std::int64_t begin, std::int64_t end) {
        const std::int64_t first = (begin + problem_.padding_top) / stride - (window - 1) / stride;
        const std::int64_t last = (end - 1 + problem_.padding_top) / stride;
        const std::int64_t low = first > 0 ? first : 0;
        const std::int64_t high = last < problem_.out_height ? last + 1 : problem_.out_height;
        const std::int64_t next = (plane_ + planes - 1) * problem_.in_height + end;
        writer_.seek(tensors_.grad_input + (plane_ * problem_.in_height + begin) * problem_.in_width);
        typename Sums<planes>::Rows rows{begin, end, writer_.reserve(), nullptr};
        if constexpr (rule == PoolRule::input) rows.next = tensors_.input + next * problem_.in_width;
        const std::int64_t ahead = planes * (high - low) * problem_.out_width;
        Sums<planes>(problem_).add_up(bring_windows<planes>(low, high), rows, ahead);
        writer_.commit(planes * (end - begin) * problem_.in_width);
    }

    /// Whether whole vectors beside a run of elements stay inside a tensor of `elements`.
    static bool inside(std::int64_t first, std::int64_t count, std::int64_t elements) {
        return first >= margin && first + count + margin <= elements;
    }

    /// Zeros around the copy: whole vectors may be added before masks choose, and denormal numbers would slow that
    /// down.
    template <class E>
    static const E* copy(const E* from, std::int64_t count, E* scratch) {
        for (std::int64_t k = 0; k < margin; ++k) scratch[k] = scratch[margin + count + k] = E(0);
        for (std::int64_t k = 0; k < count; ++k) scratch[margin + k] = from[k];
        return scratch + margin;
    }

    template <int planes>
    Windows bring_windows(std::int64_t begin, std::int64_t end) {
        const std::int64_t count = end > begin ? planes * (end - begin) * problem_.out_width : 0;
        const std::int64_t first = (plane_ * problem_.out_height + begin) * problem_.out_width;
        const bool direct = inside(first, count, problem_.output_elements);
        const std::int64_t plane = problem_.out_height * problem_.out_width;
        Windows windows{tensors_.grad_output + first, nullptr, tensors_.reciprocals, begin, end, plane, plane};
        if (!direct) windows.gradients = copy(windows.gradients, count, gradients_);
        if constexpr (rule == PoolRule::input) {
            const StripMaxima<T, window, stride, planes> maxima(problem_);
            windows.saved = saved_ + margin;
            windows.next_saved = maxima.next();
            if (count > 0) find_maxima(maxima, begin, end);
        } else if constexpr (rule != PoolRule::average) {
            if constexpr (rule == PoolRule::plane_indices) windows.saved = tensors_.plane_indices + first;
            else windows.saved = tensors_.window_offsets + first;
            if (!direct) windows.saved = copy(windows.saved, count, saved_);
        }
        return windows;
    }

    template <int planes>
    void find_maxima(const StripMaxima<T, window, stride, planes>& maxima, std::int64_t begin, std::int64_t end) {
        const std::int64_t top = begin * stride - problem_.padding_top;
        const std::int64_t bottom = (end - 1) * stride - problem_.padding_top + window;
        StripInput<T> input{};
        input.begin = top > 0 ? top : 0;
        input.end = bottom < problem_.in_height ? bottom : problem_.in_height;
        const std::int64_t first = (plane_ * problem_.in_height + input.begin) * problem_.in_width;
        const std::int64_t rows = (planes - 1) * problem_.in_height + input.end - input.begin;
        const std::int64_t count = rows * problem_.in_width;
        input.rows = tensors_.input + first;
        const bool finite = all_finite(input.rows, count);
        if (!inside(first, count, problem_.input_elements)) input.rows = copy(input.rows, count, input_);
        finite ? maxima.template find<true>(input, begin, end, saved_ + margin)
               : maxima.template find<false>(input, begin, end, saved_ + margin);
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    std::int64_t plane_ = 0, block_rows_;
    Writer writer_;
    alignas(64) T gradients_[kernels::pool2d_strip_windows];
    alignas(64) Saved saved_[kernels::pool2d_strip_windows];
    alignas(64) T input_[rule == PoolRule::input ? kernels::pool2d_strip_cells : lanes];
};

/// Whether the rows of a strip are whole cache lines, so that they may go past the caches from the registers: strip by
/// strip, parts of lines would go alone.
template <class T, int stride>
bool strips_are_lines(const T* grad_input, std::int64_t width) {
    constexpr std::int64_t line = 64, element = sizeof(T);
    return stride * vec<T>::lanes * element % line == 0 && width * element % line == 0 &&
           reinterpret_cast<std::uintptr_t>(grad_input) % line == 0;
}

template <class T, PoolRule rule, int window, int stride>
void gather_strips_of(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                      const kernels::Pool2dBox& box) {
    if (problem.streaming && !problem.accumulate && strips_are_lines<T, stride>(tensors.grad_input, problem.in_width)) {
        return StripGatherer<T, rule, window, stride, StreamWriter<T>>(problem, tensors).gather(box);
    }
    if (problem.accumulate || problem.streaming) {
        return StripGatherer<T, rule, window, stride, SpanWriter<T, kernels::pool2d_strip_room_bytes>>(problem, tensors)
            .gather(box);
    }
    StripGatherer<T, rule, window, stride, DirectWriter<T>>(problem, tensors).gather(box);
}

template <class T, PoolRule rule>
void gather_strips(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                   const kernels::Pool2dBox& box) {
    if (problem.stride_width == 2) return gather_strips_of<T, rule, 3, 2>(problem, tensors, box);
    if (problem.window_width == 3) return gather_strips_of<T, rule, 3, 1>(problem, tensors, box);
    gather_strips_of<T, rule, 2, 1>(problem, tensors, box);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
