#pragma once

#include "kernels/pool2d_maxima.hpp"
#include "kernels/span_writer.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

enum class PoolKind { maximum, average };

/// NCHW: lanes are consecutive elements of a line, which is a row of a plane or a few small planes. The plan's program
/// tells which windows each vector takes; a vector of grad_input is finished in a register and written once.
///
/// Rows of windows are first brought into scratch, each one once for all the rows that it covers: gradients (times 1 /
/// area for the average) and positions of maxima, whatever they are made from. The scratch has margins, so that all
/// loads are whole vectors: on Zen 5 a masked load waits for its mask and costs three times as much.
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

    /// A row of windows in the scratch.
    struct Windows {
        const T* gradients;
        const std::int32_t* maxima;
    };

    void gather_rows(std::int64_t plane, std::int64_t row_begin, std::int64_t row_end) {
        for (std::int64_t k = 0; k < problem_.cached_rows; ++k) tags_[k] = -1;
        writer_.seek(tensors_.grad_input + (plane * problem_.in_height + row_begin) * problem_.in_width);
        for (std::int64_t row = row_begin; row < row_end; ++row) {
            Windows windows[kernels::pool2d_max_rows];
            int count = 0;
            for (std::int64_t k = problem_.rows.first[row]; k < problem_.rows.first[row + 1]; ++k) {
                windows[count++] = row_of_windows(plane, problem_.rows.windows[k]);
            }
            gather_line(windows, count, row * problem_.in_width, problem_.in_width);
        }
    }

    Windows row_of_windows(std::int64_t plane, std::int64_t y) {
        const std::int64_t place = y % problem_.cached_rows;
        const std::int64_t begin = place * problem_.line.scratch_pitch + problem_.line.margin;
        if (tags_[place] != y) {
            tags_[place] = y;
            const std::int64_t at = (plane * problem_.out_height + y) * problem_.out_width;
            const T* const reciprocals = kind == PoolKind::average ? tensors_.reciprocals[y] : nullptr;
            const std::int64_t input = plane * problem_.in_height * problem_.in_width;
            fill(begin, at, problem_.out_width, reciprocals, input, y, problem_.in_width);
        }
        return {gradients_ + begin, maxima_scratch_ + begin};
    }

    void gather_planes(std::int64_t plane, std::int64_t planes) {
        const std::int64_t elements = planes * problem_.in_height * problem_.in_width;
        const std::int64_t count = planes * problem_.out_height * problem_.out_width;
        const std::int64_t at = plane * problem_.out_height * problem_.out_width;
        const std::int64_t input = plane * problem_.in_height * problem_.in_width;
        const std::int64_t begin = problem_.line.margin;
        fill(begin, at, count, tensors_.line_reciprocals, input, 0, elements);
        const Windows windows{gradients_ + begin, maxima_scratch_ + begin};
        writer_.seek(tensors_.grad_input + input);
        gather_line(&windows, 1, 0, elements);
    }

    /// Brings `count` windows from element `at` on into the scratch. The plane begins at element `input` of the input;
    /// y is the row of the windows where lines are rows, and `elements` are those of the line.
    void fill(std::int64_t begin, std::int64_t at, std::int64_t count, const T* reciprocals, std::int64_t input,
              std::int64_t y, std::int64_t elements) {
        T* const gradients = gradients_ + begin;
        std::int32_t* const maxima = maxima_scratch_ + begin;
        if constexpr (kind == PoolKind::average) {
            for_each_vector(count, [&](std::int64_t x, const auto& load) {
                (load(tensors_.grad_output + at + x) * load(reciprocals + x)).store(gradients + x);
            });
        } else {
            for_each_vector(count, [&](std::int64_t x, const auto& load) {
                load(tensors_.grad_output + at + x).store(gradients + x);
            });
            switch (problem_.source) {
                case kernels::MaximumSource::input:
                    return maxima_.from_input(input, y, count, elements, maxima);
                case kernels::MaximumSource::plane_indices:
                    return for_each_vector(count, [&](std::int64_t x, const auto& load) {
                        load.index(tensors_.plane_indices + at + x).store(maxima + x);
                    });
                case kernels::MaximumSource::window_offsets:
                    return maxima_.from_offsets(tensors_.window_offsets + at, y, count, maxima);
            }
        }
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
            relative = Index::load(program.relative + s * lanes);
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
    Writer writer_;
    std::int64_t tags_[kernels::pool2d_max_rows];
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
