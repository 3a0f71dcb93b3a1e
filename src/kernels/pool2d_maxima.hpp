#pragma once

#include "kernels/pool2d_cells.hpp"
#include "simd/index.hpp"

#include <cstdint>
#include <limits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Finds where windows have their maxima, as positions in the plane, for one line of windows of an NCHW plane (or of
/// several small planes).
template <class T>
class LineMaxima {
public:
    LineMaxima(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors) {}

    /// From the input: `count` rows of windows from row y of a plane on, in this plane and the next ones. The plane
    /// starts at element `plane` of the input. Writes whole vectors.
    [[gnu::noinline]] void from_input(std::int64_t plane, std::int64_t y, std::int64_t count, std::int32_t* to) const {
        if (count == 0) return;
        const bool shifted = problem_.line.maxima.relative == nullptr;
        if (whole_vectors_exist(plane, y, count)) {
            shifted ? find<true, true>(plane, y, count, to) : find<false, true>(plane, y, count, to);
        } else {
            shifted ? find<true, false>(plane, y, count, to) : find<false, false>(plane, y, count, to);
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    /// Whole vectors read cells that no lane takes, but never outside the tensor.
    bool whole_vectors_exist(std::int64_t plane, std::int64_t y, std::int64_t count) const {
        const kernels::GatherProgram& program = problem_.line.maxima;
        const std::int64_t plane_elements = problem_.in_height * problem_.in_width;
        const std::int64_t last = y + count - 1, last_plane = plane + last / problem_.out_height * plane_elements;
        // With dilation, a later row of windows may begin above an earlier one.
        const std::int64_t first_row = count == 1 ? rows_of_window(problem_, y).first : 0;
        const CellRange last_rows = rows_of_window(problem_, last % problem_.out_height);
        return plane + first_row * problem_.in_width + program.first_read >= 0 &&
               last_plane + (last_rows.end - 1) * problem_.in_width + program.end_read <= problem_.input_elements;
    }

    template <bool shifted, bool whole>
    void find(std::int64_t plane, std::int64_t y, std::int64_t count, std::int32_t* to) const {
        switch (problem_.line.maxima.steps) {
            case 2:
                return find<shifted, whole, 2>(plane, y, count, to);
            case 3:
                return find<shifted, whole, 3>(plane, y, count, to);
            default:
                return find<shifted, whole, 0>(plane, y, count, to);
        }
    }

    /// `steps`: of each vector, if the compiler may know it.
    template <bool shifted, bool whole, int steps>
    void find(std::int64_t plane, std::int64_t y, std::int64_t count, std::int32_t* to) const {
        const kernels::Pool2dProblem problem = problem_;
        for (std::int64_t k = 0; k < count; ++k, ++y, to += problem.out_width) {
            if (y == problem.out_height) {
                y = 0;
                plane += problem.in_height * problem.in_width;
            }
            const CellRange rows = rows_of_window(problem, y);
            if (rows.first < rows.end) find_row<shifted, whole, steps>(problem, tensors_.input + plane, rows, to);
        }
    }

    template <bool shifted, bool whole, int steps>
    [[gnu::always_inline]] static void find_row(const kernels::Pool2dProblem& problem, const T* plane,
                                                const CellRange& rows, std::int32_t* to) {
        const kernels::GatherProgram& program = problem.line.maxima;
        const std::int64_t width = problem.in_width;
        for (std::int64_t x = 0; x < problem.out_width; x += lanes) {
            const std::int64_t begin = steps > 0 ? x / lanes * steps : program.first_step[x / lanes];
            const std::int64_t end = steps > 0 ? begin + steps : program.first_step[x / lanes + 1];
            const Index start = Index::load(problem.line.window_columns + x);
            Index position = Index::load(problem.line.first_cells + x) + number(rows.first * width);
            vec<T> best = vec<T>::broadcast(-std::numeric_limits<T>::infinity());
            for (std::int64_t row = rows.first; row < rows.end; row += rows.step) {
                for (std::int64_t s = begin; s < end; ++s) {
                    const vec<T> value = take_cells<shifted, whole>(program, s, plane + row * width);
                    const Index here = start + number(row * width + program.key[s]);
                    const auto replace = vec<T>::both(exceeds(value, best), vec<T>::mask_of_bits(program.taken[s]));
                    best = select(replace, value, best);
                    position = select(replace, here, position);
                }
            }
            position.store(to + x);
        }
    }

    /// The cells that the lanes take in step s; other lanes hold anything.
    template <bool shifted, bool whole>
    [[gnu::always_inline]] static vec<T> take_cells(const kernels::GatherProgram& program, std::int64_t s,
                                                    const T* cells) {
        cells += program.base[s];
        const unsigned loaded = program.loaded[s];
        vec<T> low = whole ? vec<T>::load(cells) : vec<T>::load_bits(cells, loaded & lane_bits);
        keep_in_register(low);
        if constexpr (shifted) return low;
        const vec<T> high = whole ? vec<T>::load(cells + lanes) : vec<T>::load_bits(cells + lanes, loaded >> lanes);
        return permute_pair(low, high, Index::load(program.relative + program.pattern[s]));
    }

    static constexpr unsigned lane_bits = (1u << lanes) - 1u;

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
