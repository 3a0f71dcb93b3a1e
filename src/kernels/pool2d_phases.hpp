#pragma once

#include "kernels/pool2d_offsets.hpp"
#include "kernels/pool2d_phase_maxima.hpp"
#include "kernels/span_writer.hpp"
#include "kernels/unrolled.hpp"

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
          writer_(problem.accumulate, problem.streaming) {
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
    static constexpr int tile_rows = 4;
    using Index = index_vec<T>;
    using Maxima = std::conditional_t<searching, PhaseMaxima<T>, NoPhaseMaxima>;

    /// Where the windows of some elements lie, from the first element on.
    struct Windows {
        const std::int64_t* at;
        std::int64_t count;
    };

    /// Some rows of a phase, and a run of elements of each.
    struct Part {
        std::int64_t rows, elements;
        std::int64_t scratch;  ///< where the windows of the first row and element are counted from
        const std::int32_t* columns;
        std::int64_t position;  ///< of column 0 in the first row
        T* to;
        std::int64_t to_step;  ///< from row to row
    };

    /// One row of a part.
    struct PartRow {
        const T* gradients;
        const std::int32_t* maxima;
        std::int64_t position;
        T* to;
    };

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
            problem_.stride_width == 1 ? add_up(windows_of(e, 0), part) : add_up_pairs(e, part);
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
                stride == 1 ? add_up(windows_of(phase, 0), part) : add_up_pairs(phase, part);
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
            add_up(windows_of(phase, e), part);
        }
        for_each_pixel<T>(pixels, channels, stride,
                          [&](std::int64_t e, std::int64_t of_phase, std::int64_t of_row, int n) {
                              Writer::write_first(to + of_row, vec<T>::load(parts[e] + of_phase), n);
                          });
    }

    /// Of the elements of a phase of rows and one of columns.
    Windows windows_of(std::int64_t row_phase, std::int64_t column_phase) const {
        const std::int64_t* const first = phases_.first_window + row_phase * problem_.stride_width + column_phase;
        return {phases_.windows + first[0], first[1] - first[0]};
    }

    void add_up(const Windows& windows, const Part& part) const {
        switch (windows.count) {
            case 1:
                return add_up<1>(windows, part);
            case 2:
                return add_up<2>(windows, part);
            case 3:
                return add_up<3>(windows, part);
            case 4:
                return add_up<4>(windows, part);
            case 6:
                return add_up<6>(windows, part);
            case 9:
                return add_up_tiles(windows, part);
            default:
                return add_up<0>(windows, part);
        }
    }

    /// Even and odd columns, one channel.
    void add_up_pairs(std::int64_t phase, const Part& part) const {
        const Windows even = windows_of(phase, 0), odd = windows_of(phase, 1);
        if (even.count == 1 && odd.count == 1) return add_up_pairs<1, 1>(even, odd, part);
        if (even.count == 1 && odd.count == 2) return add_up_pairs<1, 2>(even, odd, part);
        if (even.count == 2 && odd.count == 1) return add_up_pairs<2, 1>(even, odd, part);
        if (even.count == 2 && odd.count == 4) return add_up_pairs<2, 4>(even, odd, part);
        if (even.count == 4 && odd.count == 2) return add_up_pairs<4, 2>(even, odd, part);
        add_up_pairs<0, 0>(even, odd, part);
    }

    /// A list of windows that the compiler may keep in registers: `fixed` of them if not 0.
    template <int fixed>
    class Sum {
    public:
        Sum(const Windows& windows) : count_(fixed > 0 ? fixed : static_cast<int>(windows.count)) {
            for (int j = 0; j < count_; ++j) at_[j] = windows.at[j];
        }

        [[gnu::always_inline]] vec<T> operator()(const T* gradients, const std::int32_t* maxima, Index position) const {
            vec<T> sum = vec<T>::zero();
            for (int j = 0; j < (fixed > 0 ? fixed : count_); ++j) {
                vec<T> gradient = vec<T>::load(gradients + at_[j]);
                // A load that is part of a masked addition would wait for the mask.
                keep_in_register(gradient);
                if constexpr (kind == PoolKind::average) {
                    sum = sum + gradient;
                } else {
                    sum = add_where(equal(Index::load(maxima + at_[j]), position), sum, gradient);
                }
            }
            return sum;
        }

    private:
        int count_;
        std::int64_t at_[fixed > 0 ? fixed : kernels::pool2d_max_windows];
    };

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    template <int fixed>
    [[gnu::noinline]] void add_up(const Windows& windows, const Part& part, std::int64_t row = 0) const {
        const Sum<fixed> sum(windows);
        for (; row < part.rows; ++row) {
            const PartRow at = row_of(part, row);
            const Index here = number(at.position);
            for_each_vector<T>(
                part.elements, [&](std::int64_t k, int n) __attribute__((always_inline)) {
                    const vec<T> all = sum(at.gradients + k, at.maxima + k, Index::load(part.columns + k) + here);
                    n == lanes ? all.store(at.to + k) : all.store_first(at.to + k, n);
                });
        }
    }

    [[gnu::always_inline]] PartRow row_of(const Part& part, std::int64_t row) const {
        const std::int64_t scratch = part.scratch + row * phases_.pitch;
        return {gradients_ + scratch, positions_ + (kind == PoolKind::maximum ? scratch : 0),
                part.position + row * problem_.stride_height * problem_.in_width, part.to + row * part.to_step};
    }

    /// 3 x 3 windows. With stride 1 neighbouring rows share two of three rows of windows: a tile of rows loads each
    /// window once.
    void add_up_tiles(const Windows& windows, const Part& part) const {
        const bool shared =
            windows.at[3] - windows.at[0] == phases_.pitch && windows.at[6] - windows.at[3] == phases_.pitch;
        std::int64_t row = 0;
        for (; shared && row + tile_rows <= part.rows; row += tile_rows) add_up_tile(windows, part, row);
        add_up<9>(windows, part, row);
    }

    [[gnu::noinline]] void add_up_tile(const Windows& windows, const Part& part, std::int64_t first) const {
        const std::int64_t at[3] = {windows.at[0], windows.at[1], windows.at[2]}, pitch = phases_.pitch;
        const PartRow from = row_of(part, first);
        const Index here = number(from.position), row_step = number(problem_.in_width);
        for_each_vector<T>(
            part.elements, [&](std::int64_t k, int n) __attribute__((always_inline)) {
                Index positions[tile_rows];
                vec<T> sums[tile_rows];
                unrolled<tile_rows>([&](auto row) {
                    sums[row] = vec<T>::zero();
                    positions[row] = row == 0 ? Index::load(part.columns + k) + here : positions[row - 1] + row_step;
                });
                unrolled<tile_rows + 2>([&](auto y) {
                    unrolled<3>([&](auto x) {
                        const std::int64_t window = y * pitch + at[x] + k;
                        vec<T> gradient = vec<T>::load(from.gradients + window);
                        keep_in_register(gradient);
                        Index maximum{};
                        if constexpr (kind == PoolKind::maximum) maximum = Index::load(from.maxima + window);
                        unrolled<tile_rows>([&](auto row) {
                            if constexpr (row <= y && y < row + 3) add(sums[row], gradient, maximum, positions[row]);
                        });
                    });
                });
                unrolled<tile_rows>([&](auto row) {
                    T* const to = from.to + row * part.to_step + k;
                    n == lanes ? sums[row].store(to) : sums[row].store_first(to, n);
                });
            });
    }

    [[gnu::always_inline]] static void add(vec<T>& sum, vec<T> gradient, Index maximum, Index position) {
        if constexpr (kind == PoolKind::average) sum = sum + gradient;
        else sum = add_where(equal(maximum, position), sum, gradient);
    }

    template <int fixed_even, int fixed_odd>
    [[gnu::noinline]] void add_up_pairs(const Windows& even, const Windows& odd, const Part& part) const {
        const Sum<fixed_even> sum_even(even);
        const Sum<fixed_odd> sum_odd(odd);
        for (std::int64_t row = 0; row < part.rows; ++row) {
            const PartRow at = row_of(part, row);
            const Index here = number(at.position), beside = number(at.position + 1);
            for (std::int64_t k = 0; k < part.elements; k += 2 * lanes) {
                const std::int64_t pair = k / 2;
                const T* const gradients = at.gradients + pair;
                const std::int32_t* const maxima = at.maxima + pair;
                const Index column = Index::load(part.columns + pair);
                vec<T> low{}, high{};
                interleave(sum_even(gradients, maxima, column + here), sum_odd(gradients, maxima, column + beside), low,
                           high);
                store(low, high, at.to + k, part.elements - k);
            }
        }
    }

    [[gnu::always_inline]] static void store(vec<T> low, vec<T> high, T* to, std::int64_t left) {
        if (left >= 2 * lanes) {
            low.store(to);
            return high.store(to + lanes);
        }
        low.store_first(to, static_cast<int>(left < lanes ? left : lanes));
        if (left > lanes) high.store_first(to + lanes, static_cast<int>(left - lanes));
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dPhases& phases_;
    const kernels::Pool2dTensors<T>& tensors_;
    std::int64_t plane_ = 0, row_begin_ = 0, row_end_ = 0, first_step_ = 0;
    std::int64_t ahead_ = 0;  ///< where the next block's windows are likely to be, seen from those of this one
    Maxima maxima_;
    OffsetPositions<T> offsets_;
    Writer writer_;
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
