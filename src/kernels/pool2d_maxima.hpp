#pragma once

#include "kernels/pool2d_cells.hpp"
#include "simd/index.hpp"

#include <cstdint>
#include <limits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Bit k of `bits` where element k of `left` ones exists.
inline unsigned first_bits(unsigned bits, std::int64_t left) {
    if (left >= 16) return bits;
    return left > 0 ? bits & ((1u << left) - 1u) : 0;
}

/// Finds where windows have their maxima, as positions in the plane, for one line of windows of an NCHW plane (or of
/// several small planes).
template <class T>
class LineMaxima {
public:
    LineMaxima(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors) {}

    /// From the input: `windows` windows in row y of the plane that starts at element `plane` of the input. Only the
    /// first `available` elements of a line of planes exist.
    [[gnu::noinline]] void from_input(std::int64_t plane, std::int64_t y, std::int64_t windows, std::int64_t available,
                                      std::int32_t* to) const {
        const CellRange rows = rows_are_lines() ? rows_of_window(problem_, y) : CellRange{0, 1, 1};
        if (rows.first >= rows.end) return;
        const bool shifted = problem_.line.maxima.relative == nullptr;
        if (whole_vectors_exist(plane, rows)) {
            shifted ? find<true, true>(plane, rows, windows, available, to)
                    : find<false, true>(plane, rows, windows, available, to);
        } else {
            shifted ? find<true, false>(plane, rows, windows, available, to)
                    : find<false, false>(plane, rows, windows, available, to);
        }
    }

    /// From offsets in the window: row * window_width + column.
    [[gnu::noinline]] void from_offsets(const std::uint8_t* offsets, std::int64_t y, std::int64_t windows,
                                        std::int32_t* to) const {
        const std::int64_t top = rows_are_lines() ? y * problem_.stride_height - problem_.padding_top : 0;
        for (std::int64_t x = 0; x < windows; x += lanes) {
            const Index offset = windows - x < lanes ? Index::load_first(offsets + x, static_cast<int>(windows - x))
                                                     : Index::load(offsets + x);
            const Index first_row = Index::load(problem_.line.window_rows + x) + number(top);
            position_of_offset(offset, first_row, Index::load(problem_.line.window_columns + x)).store(to + x);
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    bool rows_are_lines() const { return problem_.line.planes == 0; }

    /// Whole vectors read cells that no lane takes, but never outside the tensor.
    bool whole_vectors_exist(std::int64_t plane, const CellRange& rows) const {
        const kernels::GatherProgram& program = problem_.line.maxima;
        return plane + rows.first * problem_.in_width + program.first_read >= 0 &&
               plane + (rows.end - 1) * problem_.in_width + program.end_read <= problem_.input_elements;
    }

    template <bool shifted, bool whole>
    void find(std::int64_t plane, const CellRange& rows, std::int64_t windows, std::int64_t available,
              std::int32_t* to) const {
        switch (problem_.line.maxima.steps) {
            case 2:
                return find<shifted, whole, 2>(plane, rows, windows, available, to);
            case 3:
                return find<shifted, whole, 3>(plane, rows, windows, available, to);
            case 4:
                return find<shifted, whole, 4>(plane, rows, windows, available, to);
            default:
                return find<shifted, whole, 0>(plane, rows, windows, available, to);
        }
    }

    /// `steps`: of each vector, if the compiler may know it.
    template <bool shifted, bool whole, int steps>
    void find(std::int64_t plane, const CellRange& rows, std::int64_t windows, std::int64_t available,
              std::int32_t* to) const {
        const kernels::GatherProgram program = problem_.line.maxima;
        const std::int64_t width = problem_.in_width;
        for (std::int64_t x = 0; x < windows; x += lanes) {
            const std::int64_t begin = steps > 0 ? x / lanes * steps : program.first_step[x / lanes];
            const std::int64_t end = steps > 0 ? begin + steps : program.first_step[x / lanes + 1];
            Index position = Index::load(problem_.line.first_cells + x) + number(rows.first * width);
            vec<T> best = vec<T>::broadcast(-std::numeric_limits<T>::infinity());
            for (std::int64_t row = rows.first; row < rows.end; row += rows.step) {
                const T* const cells = tensors_.input + plane + row * width;
                for (std::int64_t s = begin; s < end; ++s) {
                    take_cells<shifted, whole>(program, s, cells, number(row * width), available, best, position);
                }
            }
            position.store(to + x);
        }
    }

    template <bool shifted, bool whole>
    [[gnu::always_inline]] void take_cells(const kernels::GatherProgram& program, std::int64_t s, const T* cells,
                                           Index offset, std::int64_t available, vec<T>& best, Index& position) const {
        const std::int64_t base = program.base[s];
        vec<T> value = whole ? vec<T>::load(cells + base)
                             : vec<T>::load_bits(cells + base, first_bits(program.loaded[s], available - base));
        Index here = Index::load(problem_.line.positions + base);
        if constexpr (!shifted) {
            const Index relative = Index::load(program.relative + program.pattern[s]);
            value = permute(value, relative);
            here = permute(here, relative);
        }
        const auto replace = vec<T>::both(exceeds(value, best), vec<T>::mask_of_bits(program.taken[s]));
        best = select(replace, value, best);
        position = select(replace, here + offset, position);
    }

    /// A cell outside the tensor gives -1: as a position it would be another pixel. So does a row beyond the window.
    Index position_of_offset(Index offset, Index first_row, Index first_column) const {
        // Exact for offsets below 256: the factor is too large by at most 1 / window_width per 65536.
        const Index window_row = high_half(offset * number(65536 / problem_.window_width + 1));
        const Index window_column = offset - window_row * number(problem_.window_width);
        const Index row = first_row + window_row * number(problem_.dilation_height);
        const Index column = first_column + window_column * number(problem_.dilation_width);
        const Index outside = sign(row) | sign(number(problem_.in_height - 1) - row) | sign(column) |
                              sign(number(problem_.in_width - 1) - column) |
                              sign(number(problem_.window_height - 1) - window_row);
        return (row * number(problem_.in_width) + column) | outside;
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
