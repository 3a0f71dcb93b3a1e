#pragma once

#include "kernels/pool2d_offsets.hpp"
#include "kernels/pool2d_phase_maxima.hpp"
#include "kernels/pool2d_phase_sums.hpp"
#include "kernels/span_writer.hpp"

#include <type_traits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Blocks of rows of pixels, phase by phase: of the rows and columns that lie a multiple of the stride apart,
/// neighbours take neighbouring windows. So every window is one load at a distance that holds for the whole phase, from
/// a copy of the block's windows that is surrounded by windows without gradient: no load needs a mask, and no row or
/// column is special. The copy stays in the L1 cache.
template <class T, PoolKind kind, bool searching, class Writer>
class PhaseGatherer {
public:
    PhaseGatherer(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem),
          phases_(problem.phases),
          tensors_(tensors),
          maxima_(problem, tensors),
          offsets_(problem, phases_.window_rows, phases_.window_columns),
          writer_(problem.accumulate, problem.streaming),
          sums_(problem, gradients_, positions_) {
        const std::int64_t rows = phases_.steps_per_block + phases_.highest_row - phases_.lowest_row;
        const std::int64_t whole = problem.out_width * phases_.channels / lanes * lanes;
        for (std::int64_t begin = 0; begin < rows * phases_.pitch; begin += phases_.pitch) {
            clear(begin, begin + phases_.margin);
            clear(begin + phases_.margin + whole, begin + phases_.pitch);
        }
    }

    /// Rows of a plane; in NHWC of an image.
    void gather(std::int64_t plane, std::int64_t row_begin, std::int64_t row_end) {
        plane_ = plane;
        row_begin_ = row_begin;
        row_end_ = row_end;
        const std::int64_t stride = problem_.stride_height;
        for (std::int64_t step = row_begin / stride; step * stride < row_end; step += phases_.steps_per_block) {
            first_step_ = step;
            const std::int64_t end = (row_end + stride - 1) / stride;
            gather_block(step, end - step < phases_.steps_per_block ? end : step + phases_.steps_per_block);
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    static constexpr std::int64_t chunk_elements = Writer::room < 1024 ? Writer::room : 1024;
    using Index = index_vec<T>;
    using Part = typename PhaseSums<T, kind>::Part;
    using Maxima = std::conditional_t<searching, PhaseMaxima<T>, NoPhaseMaxima>;

    std::int64_t row_elements() const { return problem_.in_width * phases_.channels; }

    void clear_rows(std::int64_t begin, std::int64_t end) { clear(begin * phases_.pitch, end * phases_.pitch); }

    void clear(std::int64_t begin, std::int64_t end) {
        for (std::int64_t k = begin; k < end; k += lanes) {
            vec<T>::zero().store(gradients_ + k);
            if (kind == PoolKind::maximum) Index::broadcast(-1).store(positions_ + k);
        }
    }

    void gather_block(std::int64_t begin, std::int64_t end) {
        bring(begin + phases_.lowest_row, end + phases_.highest_row);
        const std::int64_t stride = problem_.stride_height, steps = Writer::room / (stride * row_elements());
        if (steps > 0 && (problem_.stride_width == 1 || phases_.channels == 1)) {
            for (; begin < end; begin += steps) gather_rows(begin, end - begin < steps ? end : begin + steps);
            return;
        }
        for (; begin < end; ++begin) {
            for (std::int64_t e = 0; e < stride; ++e) {
                const std::int64_t row = begin * stride + e;
                if (row_begin_ <= row && row < row_end_) gather_row(e, begin);
            }
        }
    }

    /// Brings rows [begin, end) of windows into scratch, where those beyond the tensor have no gradient.
    void bring(std::int64_t begin, std::int64_t end) {
        const std::int64_t low = begin < 0 ? 0 : begin, high = end < problem_.out_height ? end : problem_.out_height;
        if (low >= high) return clear_rows(0, end - begin);
        clear_rows(0, low - begin);
        clear_rows(high - begin, end - begin);
        const std::int64_t elements = problem_.out_width * phases_.channels;
        std::int64_t at = (plane_ * problem_.out_height + low) * elements;
        const std::int64_t first = (low - begin) * phases_.pitch + phases_.margin;
        std::int64_t to = first;
        ahead_ = (high - low) * elements;
        for (std::int64_t y = low; y < high; ++y, at += elements, to += phases_.pitch) {
            if constexpr (kind == PoolKind::average) {
                bring_shares(tensors_.grad_output + at, tensors_.reciprocals[y], gradients_ + to);
            } else {
                const T* const from = tensors_.grad_output + at;
                for_each_vector<T>(elements, [&](std::int64_t k, int n) {
                    prefetch_to_l2(from + k + ahead_);
                    load_some(from + k, n).store(gradients_ + to + k);
                });
                if (!searching) bring_positions(y, at, elements, positions_ + to);
            }
        }
        if (searching) maxima_.find(plane_, low, high, positions_ + first);
    }

    /// Gradients times 1 / area.
    void bring_shares(const T* from, const T* reciprocals, T* to) {
        if (phases_.channels == 1) {
            return for_each_vector<T>(problem_.out_width, [&](std::int64_t k, int n) {
                prefetch_to_l2(from + k + ahead_);
                (load_some(from + k, n) * load_some(reciprocals + k, n)).store(to + k);
            });
        }
        // As many phases as windows: each has a number of its own.
        for_each_pixel<T>(problem_.out_width, phases_.channels, problem_.out_width,
                          [&](std::int64_t window, std::int64_t, std::int64_t k, int n) {
                              (load_some(from + k, n) * vec<T>::broadcast(reciprocals[window])).store(to + k);
                          });
    }

    void bring_positions(std::int64_t y, std::int64_t at, std::int64_t elements, std::int32_t* to) {
        if (problem_.source == kernels::MaximumSource::window_offsets) {
            return offsets_.find(tensors_.window_offsets + at, y * problem_.stride_height - problem_.padding_top,
                                 elements, to);
        }
        for_each_vector<T>(elements, [&](std::int64_t k, int n) {
            const std::int32_t* const from = tensors_.plane_indices + at + k;
            prefetch_to_l2(from + ahead_);
            (n == lanes ? Index::load(from) : Index::load_first(from, n)).store(to + k);
        });
    }

    /// One row of a phase from element `first` of its phases of columns on.
    Part part_of(std::int64_t phase, std::int64_t step, std::int64_t first) const {
        Part part{};
        part.rows = 1;
        part.scratch = (step - first_step_) * phases_.pitch + first;
        part.columns = phases_.positions + first;
        part.position = (step * problem_.stride_height + phase) * problem_.in_width;
        part.to_step = problem_.stride_height * row_elements();
        return part;
    }

    T* row_at(std::int64_t row) const {
        return tensors_.grad_input + (plane_ * problem_.in_height + row) * row_elements();
    }

    /// Whole rows, one phase after the other.
    void gather_rows(std::int64_t begin, std::int64_t end) {
        const std::int64_t stride = problem_.stride_height;
        const std::int64_t first_row = begin * stride < row_begin_ ? row_begin_ : begin * stride;
        const std::int64_t end_row = end * stride < row_end_ ? end * stride : row_end_;
        writer_.seek(row_at(first_row));
        T* const to = writer_.reserve();
        for (std::int64_t e = 0; e < stride; ++e) {
            const std::int64_t first = begin * stride + e < first_row ? begin + 1 : begin;
            const std::int64_t last = (end - 1) * stride + e < end_row ? end : end - 1;
            if (first >= last) continue;
            Part part = part_of(e, first, 0);
            part.rows = last - first;
            part.elements = row_elements();
            part.to = to + (first * stride + e - first_row) * row_elements();
            problem_.stride_width == 1 ? sums_.add_up(sums_.windows_of(e, 0), part) : sums_.add_up_pairs(e, part);
        }
        writer_.commit((end_row - first_row) * row_elements());
    }

    /// One row, in pieces that fit the scratch.
    void gather_row(std::int64_t phase, std::int64_t step) {
        const std::int64_t stride = problem_.stride_width, channels = phases_.channels;
        const std::int64_t chunk = chunk_elements / (stride * channels) * stride;
        writer_.seek(row_at(step * problem_.stride_height + phase));
        for (std::int64_t begin = 0; begin < problem_.in_width; begin += chunk) {
            const std::int64_t pixels = problem_.in_width - begin < chunk ? problem_.in_width - begin : chunk;
            const std::int64_t first = begin / stride * channels;
            if (stride > 1 && channels > 1) {
                gather_pixels(phase, step, first, pixels, writer_.reserve());
            } else {
                Part part = part_of(phase, step, first);
                part.elements = pixels * channels;
                part.to = writer_.reserve();
                stride == 1 ? sums_.add_up(sums_.windows_of(phase, 0), part) : sums_.add_up_pairs(phase, part);
            }
            writer_.commit(pixels * channels);
        }
    }

    /// All phases of columns on their own, and their pixels together.
    void gather_pixels(std::int64_t phase, std::int64_t step, std::int64_t first, std::int64_t pixels, T* to) {
        const std::int64_t stride = problem_.stride_width, channels = phases_.channels;
        const T* parts[kernels::pool2d_max_stride];
        for (std::int64_t e = 0; e < stride; ++e) {
            Part part = part_of(phase, step, first);
            const std::int64_t elements = (pixels - e + stride - 1) / stride * channels;
            // Whole vectors: a load waits long for part of a vector that was stored.
            part.elements = (elements + lanes - 1) / lanes * lanes;
            part.position += e;
            part.to = results_ + e * (chunk_elements / stride + lanes);
            parts[e] = part.to;
            sums_.add_up(sums_.windows_of(phase, e), part);
        }
        for_each_pixel<T>(pixels, channels, stride,
                          [&](std::int64_t e, std::int64_t of_phase, std::int64_t of_row, int n) {
                              Writer::write_first(to + of_row, vec<T>::load(parts[e] + of_phase), n);
                          });
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dPhases& phases_;
    const kernels::Pool2dTensors<T>& tensors_;
    std::int64_t plane_ = 0, row_begin_ = 0, row_end_ = 0, first_step_ = 0;
    std::int64_t ahead_ = 0;  ///< where the next block's windows are likely to be, seen from those of this one
    Maxima maxima_;
    OffsetPositions<T> offsets_;
    Writer writer_;
    const PhaseSums<T, kind> sums_;
    alignas(64) T gradients_[kernels::pool2d_phase_elements];
    alignas(64) T results_[chunk_elements + kernels::pool2d_max_stride * lanes];
    alignas(64) std::int32_t positions_[kind == PoolKind::maximum ? kernels::pool2d_phase_elements : lanes];
};

template <class T, PoolKind kind, bool searching, class Writer>
void gather_phases(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                   const kernels::Pool2dBox& box, bool nhwc) {
    PhaseGatherer<T, kind, searching, Writer> gatherer(problem, tensors);
    for (std::int64_t n = box.batch_begin; n < box.batch_end; ++n) {
        if (nhwc) {
            gatherer.gather(n, box.row_begin, box.row_end);
            continue;
        }
        for (std::int64_t c = box.channel_begin; c < box.channel_end; ++c) {
            gatherer.gather(n * problem.channels + c, box.row_begin, box.row_end);
        }
    }
}

template <class T, PoolKind kind, bool searching>
void gather_phases(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                   const kernels::Pool2dBox& box) {
    // A single channel is a plane in either layout.
    const bool nhwc = problem.phases.channels > 1;
    if (problem.accumulate || problem.streaming) {
        return gather_phases<T, kind, searching, SpanWriter<T, 16 * 1024>>(problem, tensors, box, nhwc);
    }
    gather_phases<T, kind, searching, DirectWriter<T>>(problem, tensors, box, nhwc);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
