#pragma once

#include "kernels/pool2d_maxima.hpp"
#include "kernels/pool2d_offsets.hpp"
#include "kernels/span_writer.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// NCHW: lanes are consecutive elements of a line, which is a row of a plane or a few small planes. Images of NHWC with
/// few channels are such planes, too. The plan's program tells which windows each vector takes; a vector of grad_input
/// is finished in a register and written once.
///
/// All loads are whole vectors: on Zen 5 a masked load waits for its mask and costs three times as much. What lies in
/// memory is read where it lies; what is computed (positions of maxima, gradient / area) and what lies too near to the
/// ends of a tensor goes through scratch with margins, once for all the rows that it covers, and one line ahead: a load
/// across two stores waits until both are in the cache.
template <class T, PoolKind kind, bool shifted, class Writer>
class NchwGatherer {
public:
    NchwGatherer(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem),
          tensors_(tensors),
          maxima_(problem, tensors),
          offsets_(problem, problem.line.window_rows, problem.line.window_columns),
          writer_(problem.accumulate, problem.streaming) {}

    void gather(const kernels::Pool2dBox& box) {
        if (problem_.line.channels > 1) return gather_planes(box.batch_begin, box.batch_end);
        for (std::int64_t n = box.batch_begin; n < box.batch_end; ++n) {
            const std::int64_t first = n * problem_.channels + box.channel_begin;
            const std::int64_t last = n * problem_.channels + box.channel_end;
            if (problem_.line.planes == 0) {
                for (std::int64_t plane = first; plane < last; ++plane) gather_rows(plane, box.row_begin, box.row_end);
            } else {
                gather_planes(first, last);
            }
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    /// A row of windows. Gradients are times 1 / area for the average.
    struct Windows {
        const T* gradients;
        const std::int32_t* maxima;
    };

    /// A row of windows that is ready.
    struct Place {
        std::int64_t row;
        Windows windows;
    };

    void gather_rows(std::int64_t plane, std::int64_t row_begin, std::int64_t row_end) {
        for (std::int64_t k = 0; k < problem_.line.scratch_rows; ++k) places_[k].row = -1;
        writer_.seek(tensors_.grad_input + (plane * problem_.in_height + row_begin) * problem_.in_width);
        require_row(plane, row_begin);
        for (std::int64_t row = row_begin; row < row_end; ++row) {
            if (row + 1 < row_end) require_row(plane, row + 1);
            Windows windows[kernels::pool2d_max_rows];
            int count = 0;
            for (std::int64_t k = problem_.rows.first[row]; k < problem_.rows.first[row + 1]; ++k) {
                windows[count++] = places_[problem_.rows.windows[k] % problem_.line.scratch_rows].windows;
            }
            gather_line(windows, count, row * problem_.in_width, problem_.in_width);
        }
    }

    /// Makes the windows that cover a row ready.
    void require_row(std::int64_t plane, std::int64_t row) {
        for (std::int64_t k = problem_.rows.first[row]; k < problem_.rows.first[row + 1]; ++k) {
            const std::int64_t y = problem_.rows.windows[k];
            Place& place = places_[y % problem_.line.scratch_rows];
            if (place.row == y) continue;
            place.row = y;
            const Source source{.at = (plane * problem_.out_height + y) * problem_.out_width,
                                .count = problem_.out_width,
                                .reciprocals = kind == PoolKind::average ? tensors_.reciprocals[y] : nullptr,
                                .input = plane * problem_.in_height * problem_.in_width,
                                .y = y,
                                .rows = 1};
            place.windows = prepare(source, y % problem_.line.scratch_rows);
        }
    }

    void gather_planes(std::int64_t first, std::int64_t last) {
        const std::int64_t step = problem_.line.planes;
        const std::int64_t plane_elements = problem_.in_height * problem_.in_width * problem_.line.channels;
        writer_.seek(tensors_.grad_input + first * plane_elements);
        Windows next = require_planes(first, last, 0);
        for (std::int64_t plane = first; plane < last; plane += step) {
            const Windows windows = next;
            if (plane + step < last) next = require_planes(plane + step, last, (plane - first) / step % 2 == 0 ? 1 : 0);
            gather_line(&windows, 1, 0, planes_of_line(plane, last) * plane_elements);
        }
    }

    std::int64_t planes_of_line(std::int64_t plane, std::int64_t last) const {
        return last - plane < problem_.line.planes ? last - plane : problem_.line.planes;
    }

    Windows require_planes(std::int64_t plane, std::int64_t last, std::int64_t scratch_row) {
        const std::int64_t planes = planes_of_line(plane, last), channels = problem_.line.channels;
        const std::int64_t out = problem_.out_height * problem_.out_width * channels;
        const std::int64_t in = problem_.in_height * problem_.in_width * channels;
        return prepare({.at = plane * out,
                        .count = planes * out,
                        .reciprocals = tensors_.line_reciprocals,
                        .input = plane * in,
                        .y = 0,
                        .rows = planes * problem_.out_height},
                       scratch_row);
    }

    /// Where a line of windows comes from.
    struct Source {
        std::int64_t at, count;  ///< its windows are elements [at, at + count) of grad_output
        const T* reciprocals;
        std::int64_t input;    ///< element of the input where the plane begins
        std::int64_t y, rows;  ///< rows of windows: y and the next ones, in this plane and the next ones
    };

    Windows prepare(const Source& source, std::int64_t scratch_row) {
        const std::int64_t begin = scratch_row * problem_.line.scratch_pitch + problem_.line.margin;
        const kernels::GatherProgram& program = problem_.line.gather;
        const bool in_place =
            source.at + program.first_read >= 0 && source.at + program.end_read <= problem_.output_elements;
        T* const gradients = gradients_ + begin;
        const T* const from = tensors_.grad_output + source.at;
        if constexpr (kind == PoolKind::average) {
            clear_around(gradients, source.count);
            for_each_vector(source.count, [&](std::int64_t x, const auto& load) {
                (load(from + x) * load(source.reciprocals + x)).store(gradients + x);
            });
            return {gradients, nullptr};
        } else {
            const std::int32_t* const maxima = prepare_maxima(source, maxima_scratch_ + begin, in_place);
            if (in_place) return {from, maxima};
            clear_around(gradients, source.count);
            for_each_vector(source.count,
                            [&](std::int64_t x, const auto& load) { load(from + x).store(gradients + x); });
            return {gradients, maxima};
        }
    }

    /// Lanes that take no window, or belong to planes that are not there, still add what they read, and denormal
    /// numbers would make them slow: zeros before and behind a row of scratch that holds `count` windows.
    void clear_around(T* gradients, std::int64_t count) const {
        vec<T>::zero().store(gradients - lanes);
        const std::int64_t end = problem_.line.scratch_pitch - problem_.line.margin;
        for (std::int64_t x = count; x + lanes <= end; x += lanes) vec<T>::zero().store(gradients + x);
        vec<T>::zero().store(gradients + end - lanes);
    }

    const std::int32_t* prepare_maxima(const Source& source, std::int32_t* scratch, bool in_place) {
        switch (problem_.source) {
            case kernels::MaximumSource::input:
                maxima_.from_input(source.input, source.y, source.rows, scratch);
                break;
            case kernels::MaximumSource::plane_indices:
                if (in_place) return tensors_.plane_indices + source.at;
                for_each_vector(source.count, [&](std::int64_t x, const auto& load) {
                    load.index(tensors_.plane_indices + source.at + x).store(scratch + x);
                });
                break;
            case kernels::MaximumSource::window_offsets:
                offsets_.find(tensors_.window_offsets + source.at, top_of(source.y), source.count, scratch);
                break;
        }
        return scratch;
    }

    /// Tables of planes know the rows.
    std::int64_t top_of(std::int64_t y) const {
        return problem_.line.planes == 0 ? y * problem_.stride_height - problem_.padding_top : 0;
    }

    struct LoadAll {
        vec<T> operator()(const T* p) const { return vec<T>::load(p); }
        Index index(const std::int32_t* p) const { return Index::load(p); }
    };
    struct LoadFirst {
        vec<T> operator()(const T* p) const { return vec<T>::load_first(p, count); }
        Index index(const std::int32_t* p) const { return Index::load_first(p, count); }
        int count;
    };

    template <class Function>
    [[gnu::always_inline]] static void for_each_vector(std::int64_t count, const Function& function) {
        std::int64_t x = 0;
        for (; x + lanes <= count; x += lanes) function(x, LoadAll{});
        if (x < count) function(x, LoadFirst{static_cast<int>(count - x)});
    }

    /// Writes `elements` elements of a line, the first of which is at `position` in the plane.
    void gather_line(const Windows* windows, int count, std::int64_t position, std::int64_t elements) {
        for (std::int64_t begin = 0; begin < elements; begin += Writer::room) {
            const std::int64_t end = elements - begin < Writer::room ? elements : begin + Writer::room;
            switch (problem_.line.gather.steps) {
                case 1:
                    gather_part<1>(windows, count, position, begin, end);
                    break;
                case 2:
                    gather_part<2>(windows, count, position, begin, end);
                    break;
                case 3:
                    gather_part<3>(windows, count, position, begin, end);
                    break;
                default:
                    gather_part<0>(windows, count, position, begin, end);
            }
        }
    }

    /// Elements [begin, end) of a line. `steps`: of each vector, if the compiler may know it.
    template <int steps>
    void gather_part(const Windows* windows, int count, std::int64_t position, std::int64_t begin, std::int64_t end) {
        const kernels::GatherProgram program = problem_.line.gather;
        const std::int32_t* const table = problem_.line.positions;
        const Index first = Index::broadcast(static_cast<std::int32_t>(position));
        T* const to = writer_.reserve() - begin;
        for (std::int64_t k = begin; k < end; k += lanes) {
            const std::int64_t step = steps > 0 ? k / lanes * steps : program.first_step[k / lanes];
            const std::int64_t last = steps > 0 ? step + steps : program.first_step[k / lanes + 1];
            const Index positions = first + Index::load(table + k);
            vec<T> sum = vec<T>::zero();
            for (int j = 0; j < count; ++j) {
                for (std::int64_t s = step; s < last; ++s) sum = add_windows(sum, windows[j], program, s, positions);
            }
            if (end - k >= lanes) {
                Writer::write(to + k, sum);
            } else {
                Writer::write_first(to + k, sum, static_cast<int>(end - k));
            }
        }
        writer_.commit(end - begin);
    }

    /// Adds the windows of one row that step s takes.
    [[gnu::always_inline]] static vec<T> add_windows(vec<T> sum, const Windows& windows,
                                                     const kernels::GatherProgram& program, std::int64_t s,
                                                     Index positions) {
        const std::int64_t base = program.base[s];
        const auto taken = vec<T>::mask_of_bits(program.taken[s]);
        vec<T> gradient = vec<T>::load(windows.gradients + base);
        Index relative{};
        if constexpr (!shifted) {
            relative = Index::load(program.relative + program.pattern[s]);
            gradient = permute(gradient, relative);
        }
        // A load that is part of a masked addition would wait for the mask.
        keep_in_register(gradient);
        if constexpr (kind == PoolKind::average) return add_where(taken, sum, gradient);
        Index maxima = Index::load(windows.maxima + base);
        if constexpr (!shifted) maxima = permute(maxima, relative);
        return add_where(vec<T>::both(equal(maxima, positions), taken), sum, gradient);
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    LineMaxima<T> maxima_;
    OffsetPositions<T> offsets_;
    Writer writer_;
    Place places_[kernels::pool2d_max_rows];
    alignas(64) T gradients_[kernels::pool2d_scratch_elements];
    alignas(64) std::int32_t maxima_scratch_[kind == PoolKind::maximum ? kernels::pool2d_scratch_elements : 1];
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
