#pragma once

#include "kernels/pool2d_maxima.hpp"
#include "kernels/span_writer.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

enum class PoolKind { maximum, average };

/// NCHW: lanes are consecutive elements of a line, which is a row of a plane or a few small planes. The plan's program
/// tells which windows each vector takes; a vector of grad_input is finished in a register and written once.
template <class T, PoolKind kind, bool shifted, class Writer>
class NchwGatherer {
public:
    NchwGatherer(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem),
          tensors_(tensors),
          maxima_(problem, tensors),
          writer_(problem.accumulate, problem.streaming) {}

    void gather(const kernels::Pool2dBox& box) {
        for (std::int64_t n = box.batch_begin; n < box.batch_end; ++n) {
            const std::int64_t first = n * problem_.channels + box.channel_begin;
            const std::int64_t last = n * problem_.channels + box.channel_end;
            if (problem_.line.planes == 0) {
                for (std::int64_t plane = first; plane < last; ++plane) gather_rows(plane, box.row_begin, box.row_end);
            } else {
                for (std::int64_t plane = first; plane < last; plane += problem_.line.planes) {
                    const std::int64_t left = last - plane;
                    gather_planes(plane, left < problem_.line.planes ? left : problem_.line.planes);
                }
            }
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    /// A line of windows: their gradients, and their maxima or the reciprocals of their areas.
    struct Windows {
        const T* gradients;
        const std::int32_t* maxima;
        const T* reciprocals;
    };

    void gather_rows(std::int64_t plane, std::int64_t row_begin, std::int64_t row_end) {
        if constexpr (kind == PoolKind::maximum) {
            for (std::int64_t& tag : tags_) tag = -1;
        }
        writer_.seek(tensors_.grad_input + (plane * problem_.in_height + row_begin) * problem_.in_width);
        for (std::int64_t row = row_begin; row < row_end; ++row) {
            Windows windows[kernels::pool2d_max_rows];
            int count = 0;
            for (std::int64_t k = problem_.rows.first[row]; k < problem_.rows.first[row + 1]; ++k) {
                windows[count++] = row_of_windows(plane, problem_.rows.windows[k]);
            }
            gather_line<false>(windows, count, row * problem_.in_width, problem_.in_width, 0);
        }
    }

    Windows row_of_windows(std::int64_t plane, std::int64_t y) {
        const std::int64_t at = (plane * problem_.out_height + y) * problem_.out_width;
        if constexpr (kind == PoolKind::average) {
            return {tensors_.grad_output + at, nullptr, tensors_.reciprocals[y]};
        } else if (problem_.source == kernels::MaximumSource::plane_indices) {
            return {tensors_.grad_output + at, tensors_.plane_indices + at, nullptr};
        }
        const std::int64_t place = y % problem_.cached_rows;
        std::int32_t* const maxima = scratch_ + place * problem_.line.scratch_pitch;
        if (tags_[place] != y) {
            tags_[place] = y;
            if (problem_.source == kernels::MaximumSource::input) {
                maxima_.from_input(plane * problem_.in_height * problem_.in_width, y, problem_.out_width,
                                   problem_.in_width, maxima);
            } else {
                maxima_.from_offsets(tensors_.window_offsets + at, y, problem_.out_width, maxima);
            }
        }
        return {tensors_.grad_output + at, maxima, nullptr};
    }

    void gather_planes(std::int64_t plane, std::int64_t planes) {
        const std::int64_t elements = planes * problem_.in_height * problem_.in_width;
        const std::int64_t count = planes * problem_.out_height * problem_.out_width;
        const std::int64_t at = plane * problem_.out_height * problem_.out_width;
        const std::int64_t input = plane * problem_.in_height * problem_.in_width;
        Windows windows{tensors_.grad_output + at, scratch_, tensors_.line_reciprocals};
        if constexpr (kind == PoolKind::maximum) {
            switch (problem_.source) {
                case kernels::MaximumSource::input:
                    maxima_.from_input(input, 0, count, elements, scratch_);
                    break;
                case kernels::MaximumSource::plane_indices:
                    windows.maxima = tensors_.plane_indices + at;
                    break;
                case kernels::MaximumSource::window_offsets:
                    maxima_.from_offsets(tensors_.window_offsets + at, 0, count, scratch_);
                    break;
            }
        }
        writer_.seek(tensors_.grad_input + input);
        if (planes == problem_.line.planes) return gather_line<false>(&windows, 1, 0, elements, count);
        gather_line<true>(&windows, 1, 0, elements, count);
    }

    /// Writes `elements` elements of a line, the first of which is at `position` in the plane. Only the first
    /// `available` windows exist if the line is `partial`.
    template <bool partial>
    void gather_line(const Windows* windows, int count, std::int64_t position, std::int64_t elements,
                     std::int64_t available) {
        const Index first = Index::broadcast(static_cast<std::int32_t>(position));
        for (std::int64_t k = 0; k < elements; k += lanes) {
            const Index positions = first + Index::load(problem_.line.positions + k);
            vec<T> sum = vec<T>::zero();
            for (int j = 0; j < count; ++j) {
                sum = add_windows<partial>(sum, windows[j], k / lanes, positions, available);
            }
            const std::int64_t left = elements - k;
            writer_.put(sum, left < lanes ? static_cast<int>(left) : lanes);
        }
    }

    /// Adds the windows of one line that cover vector v of grad_input, in ascending order.
    template <bool partial>
    [[gnu::always_inline]] vec<T> add_windows(vec<T> sum, const Windows& windows, std::int64_t v, Index positions,
                                              std::int64_t available) const {
        const kernels::GatherProgram& program = problem_.line.gather;
        const std::int64_t end = program.first_step[v + 1];
        for (std::int64_t s = program.first_step[v]; s < end; ++s) {
            const std::int64_t base = program.base[s];
            const unsigned loaded = partial ? first_bits(program.loaded[s], available - base) : program.loaded[s];
            vec<T> gradient = vec<T>::load_bits(windows.gradients + base, loaded);
            if constexpr (kind == PoolKind::average) {
                gradient = gradient * vec<T>::load_bits(windows.reciprocals + base, loaded);
                if constexpr (shifted) {
                    sum = sum + gradient;
                } else {
                    gradient = permute(gradient, Index::load(program.relative + s * lanes));
                    sum = add_where(vec<T>::mask_of_bits(program.taken[s]), sum, gradient);
                }
            } else {
                Index maxima = Index::load_bits(windows.maxima + base, loaded);
                if constexpr (shifted) {
                    // Lanes that take nothing have a gradient of zero.
                    sum = add_where(equal(maxima, positions), sum, gradient);
                } else {
                    const Index relative = Index::load(program.relative + s * lanes);
                    gradient = permute(gradient, relative);
                    maxima = permute(maxima, relative);
                    const auto taken = vec<T>::mask_of_bits(program.taken[s]);
                    sum = add_where(vec<T>::both(equal(maxima, positions), taken), sum, gradient);
                }
            }
        }
        return sum;
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    LineMaxima<T> maxima_;
    Writer writer_;
    std::int64_t tags_[kernels::pool2d_max_rows];
    std::int32_t scratch_[kernels::pool2d_scratch_bytes / sizeof(std::int32_t)];
};

template <class T, PoolKind kind, bool shifted>
void gather_nchw(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                 const kernels::Pool2dBox& box) {
    if (problem.accumulate || problem.streaming) {
        NchwGatherer<T, kind, shifted, SpanWriter<T>>(problem, tensors).gather(box);
    } else {
        NchwGatherer<T, kind, shifted, DirectWriter<T>>(problem, tensors).gather(box);
    }
}

template <class T, PoolKind kind>
void gather_nchw(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                 const kernels::Pool2dBox& box) {
    if (problem.line.gather.relative == nullptr) return gather_nchw<T, kind, true>(problem, tensors, box);
    gather_nchw<T, kind, false>(problem, tensors, box);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
