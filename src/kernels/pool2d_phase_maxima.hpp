#pragma once

#include "kernels/pool2d_best.hpp"
#include "kernels/pool2d_cells.hpp"
#include "kernels/pool2d_phase_rows.hpp"

#include <limits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Positions of the maxima of rows of windows, searched in the input. Each row of the input is cut into phases, so that
/// the cells of neighbouring windows are neighbours, and reduced once: its best cell in every window. Rows of windows
/// that overlap share these rows. Each step is done for many rows before the next one: a load across two stores waits
/// until both are in the cache.
template <class T>
class PhaseMaxima {
public:
    PhaseMaxima(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), phases_(problem.phases), tensors_(tensors) {
        const std::int64_t elements = phases_.cell_rows * problem.stride_width * phases_.cell_pitch;
        for (std::int64_t k = 0; k < elements; k += lanes) nothing().store(cells_ + k);
        for (std::int64_t e = 0; e < problem.stride_width; ++e) {
            // Windows count cells from the padding on.
            const std::int64_t column = e + problem.padding_left;
            first_cell_[e] = column / problem.stride_width * phases_.channels;
            phase_[e] = column % problem.stride_width * phases_.cell_pitch;
        }
    }

    /// Of rows [begin, end) of the windows of a plane (in NHWC an image), `phases.pitch` elements apart. Writes whole
    /// vectors.
    void find(std::int64_t plane, std::int64_t begin, std::int64_t end, std::int32_t* to) {
        input_ = tensors_.input + plane * problem_.in_height * row_elements();
        // With dilation, a window that begins above the tensor may have its first row below that of the next one.
        const std::int64_t top = begin * problem_.stride_height - problem_.padding_top;
        first_row_ = top > 0 ? top : 0;
        const std::int64_t end_row = rows_of_window(problem_, end - 1).end;
        ahead_ = (end_row - first_row_) * row_elements();
        for (std::int64_t row = first_row_; row < end_row; row += phases_.cell_rows) {
            const std::int64_t rows = end_row - row < phases_.cell_rows ? end_row - row : phases_.cell_rows;
            for (std::int64_t k = 0; k < rows; ++k) split(row + k, cells_of(k));
            reduce_rows(row, rows);
        }
        for (std::int64_t y = begin; y < end; ++y, to += phases_.pitch) join_rows(rows_of_window(problem_, y), to);
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    using Best = BestCell<T>;

    static vec<T> nothing() { return vec<T>::broadcast(-std::numeric_limits<T>::infinity()); }
    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    std::int64_t row_elements() const { return problem_.in_width * phases_.channels; }
    std::int64_t windows() const { return problem_.out_width * phases_.channels; }
    T* cells_of(std::int64_t row) { return cells_ + row * problem_.stride_width * phases_.cell_pitch; }

    /// Cuts a row into phases. Cells beside the tensor are -infinity, which exceeds nothing.
    void split(std::int64_t row_number, T* cells) const {
        const T* const row = input_ + row_number * row_elements();
        const std::int64_t stride = problem_.stride_width, channels = phases_.channels, width = problem_.in_width;
        for (std::int64_t k = 0; k < row_elements(); k += 64 / static_cast<int>(sizeof(T))) {
            prefetch_to_l2(row + k + ahead_);
        }
        T* to[kernels::pool2d_max_stride]{};
        for (std::int64_t e = 0; e < stride; ++e) to[e] = cells + phase_[e] + first_cell_[e];
        if (stride == 1) {
            return for_each_vector<T>(width * channels, [&](std::int64_t k, int n) {
                first_of(load_some(row + k, n), n, nothing()).store(to[0] + k);
            });
        }
        if (channels == 1) return split_pairs(row, width, to[0], to[1], nothing());
        for_each_pixel<T>(width, channels, stride,
                          [&](std::int64_t phase, std::int64_t of_phase, std::int64_t of_row, int n) {
                              load_some(row + of_row, n).store(to[phase] + of_phase);
                          });
        // The last vectors reached into what lies behind their phases.
        for (std::int64_t e = 0; e < stride; ++e) nothing().store(to[e] + (width - e + stride - 1) / stride * channels);
    }

    /// Cells of a window in a row: the compiler may know usual numbers.
    void reduce_rows(std::int64_t row, std::int64_t rows) {
        switch (problem_.window_width) {
            case 2:
                return reduce<2>(row, rows);
            case 3:
                return reduce<3>(row, rows);
            default:
                return reduce<0>(row, rows);
        }
    }

    template <int fixed>
    [[gnu::noinline]] void reduce(std::int64_t row, std::int64_t rows) {
        const std::int64_t count = fixed > 0 ? fixed : problem_.window_width;
        const std::int64_t elements = windows();
        std::int64_t cell[fixed > 0 ? fixed : kernels::pool2d_max_cells];
        for (std::int64_t k = 0; k < count; ++k) cell[k] = phases_.cells[k];
        const Index step = number(problem_.dilation_width);
        const T* cells = cells_;
        T* values = values_ + place(row);
        std::int32_t* positions = positions_ + place(row);
        for (const std::int64_t end = row + rows; row < end; ++row) {
            const Index before = number(row * problem_.in_width);
            for (std::int64_t x = 0; x < elements; x += lanes) {
                Index here = Index::load(phases_.window_columns + x) + before;
                // A window that begins in the padding has its first cell inside, even if all are -infinity.
                Best best{vec<T>::load(cells + cell[0] + x), Index::load(phases_.first_cells + x) + before};
                for (std::int64_t k = 1; k < count; ++k) {
                    here = here + step;
                    best.take({vec<T>::load(cells + cell[k] + x), here});
                }
                best.value.store(values + x);
                best.position.store(positions + x);
            }
            cells += problem_.stride_width * phases_.cell_pitch;
            values += phases_.pitch;
            positions += phases_.pitch;
        }
    }

    /// Where a row's best cells stand.
    std::int64_t place(std::int64_t row) const { return (row - first_row_) * phases_.pitch; }

    void join_rows(const CellRange& rows, std::int32_t* to) const {
        switch (rows.count()) {
            case 0:
                return;
            case 2:
                return join<2>(rows, to);
            case 3:
                return join<3>(rows, to);
            default:
                return join<0>(rows, to);
        }
    }

    /// `fixed`: rows of a window if the compiler may know it.
    template <int fixed>
    void join(const CellRange& rows, std::int32_t* to) const {
        const std::int64_t count = fixed > 0 ? fixed : rows.count(), elements = windows();
        const T* const values = values_ + place(rows.first);
        const std::int32_t* const positions = positions_ + place(rows.first);
        const std::int64_t step = rows.step * phases_.pitch;
        for (std::int64_t x = 0; x < elements; x += lanes) {
            Best best{vec<T>::load(values + x), Index::load(positions + x)};
            for (std::int64_t j = 1; j < count; ++j) {
                best.take({vec<T>::load(values + j * step + x), Index::load(positions + j * step + x)});
            }
            best.position.store(to + x);
        }
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dPhases& phases_;
    const kernels::Pool2dTensors<T>& tensors_;
    const T* input_ = nullptr;
    std::int64_t first_row_ = 0;
    std::int64_t ahead_ = 0;  ///< where the next block's rows are likely to be, seen from those of this one
    std::int64_t first_cell_[kernels::pool2d_max_stride], phase_[kernels::pool2d_max_stride];
    alignas(64) T cells_[kernels::pool2d_phase_elements];
    alignas(64) T values_[kernels::pool2d_phase_elements];
    alignas(64) std::int32_t positions_[kernels::pool2d_phase_elements];
};

/// Where nothing needs to be searched.
struct NoPhaseMaxima {
    template <class Problem, class Tensors>
    NoPhaseMaxima(const Problem&, const Tensors&) {}
    void find(std::int64_t, std::int64_t, std::int64_t, std::int32_t*) {}
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
