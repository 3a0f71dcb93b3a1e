#pragma once

#include "kernels/pool2d_kernels.hpp"
#include "simd/index.hpp"

#include <cstdint>
#include <limits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Lane l is p[l * stride]. Reads up to the end of the last stride.
template <class T>
vec<T> load_strided(const T* p, std::int64_t stride) {
    constexpr int lanes = vec<T>::lanes;
    if (stride == 1) return vec<T>::load(p);
    if (stride == 2) {
        vec<T> even, odd;
        deinterleave(vec<T>::load(p), vec<T>::load(p + lanes), even, odd);
        return even;
    }
    T elements[lanes];
    for (int l = 0; l < lanes; ++l) elements[l] = p[l * stride];
    return vec<T>::load(elements);
}

/// The first maximum of each window in one row of input: its value and its column. Row maxima are shared by all
/// windows that the row belongs to, and combining them from the top row down gives the first maximum in row-major
/// order, so a window of h x w cells costs h + w comparisons instead of h * w.
template <class T>
class RowMaxima {
public:
    /// Elements of scratch that `padded` needs.
    static std::int64_t padded_elements(const kernels::Pool2dProblem& problem) {
        return (problem.vectors.pitch + 2 * vec<T>::lanes) * problem.stride_width +
               (problem.window_width - 1) * problem.dilation_width;
    }

    RowMaxima(const kernels::Pool2dProblem& problem, T* padded) : problem_(problem), padded_(padded) {}

    /// For windows [window_begin, window_end) of one row. Writes up to a vector beyond the end.
    void find(const T* input_row, std::int64_t window_begin, std::int64_t window_end, T* values,
              std::int32_t* columns) const {
        const std::int64_t stride = problem_.stride_width;
        const std::int64_t origin = window_begin * stride - problem_.padding_left;
        copy_padded(input_row, origin);
        if (stride == 1) return find(origin, window_end - window_begin, 1, values, columns);
        if (stride == 2) return find(origin, window_end - window_begin, 2, values, columns);
        find(origin, window_end - window_begin, stride, values, columns);
    }

private:
    static constexpr int lanes = vec<T>::lanes;

    /// padded_[k] = input_row[origin + k], -infinity outside the row: such a cell never exceeds anything.
    void copy_padded(const T* input_row, std::int64_t origin) const {
        const vec<T> nothing = vec<T>::broadcast(-std::numeric_limits<T>::infinity());
        const std::int64_t count = padded_elements(problem_) - lanes;
        std::int64_t k = 0;
        for (; k < -origin; ++k) padded_[k] = -std::numeric_limits<T>::infinity();
        const std::int64_t end = min_of(count, problem_.in_width - origin);
        for (; k + lanes <= end; k += lanes) vec<T>::load(input_row + origin + k).store(padded_ + k);
        if (k < end) vec<T>::load_first(input_row + origin + k, static_cast<int>(end - k)).store(padded_ + k);
        for (k = end > 0 ? end : 0; k < count; k += lanes) nothing.store(padded_ + k);
    }

    /// `stride` is problem_.stride_width, as a constant where the caller knows it.
    [[gnu::always_inline]] void find(std::int64_t origin, std::int64_t windows, std::int64_t stride, T* values,
                                     std::int32_t* columns) const {
        using Index = index_vec<T>;
        const Index lane_columns = Index::iota() * Index::broadcast(static_cast<std::int32_t>(stride));
        for (std::int64_t x = 0; x < windows; x += lanes) {
            const T* cells = padded_ + x * stride;
            const Index first_cell = lane_columns + Index::broadcast(static_cast<std::int32_t>(origin + x * stride));
            const bool in_padding = origin + x * stride < 0;
            vec<T> best = load_strided(cells, stride);
            Index column = first_cell;
            for (std::int64_t c = 1; c < problem_.window_width; ++c) {
                const std::int64_t offset = c * problem_.dilation_width;
                const vec<T> value = load_strided(cells + offset, stride);
                const Index value_column = first_cell + Index::broadcast(static_cast<std::int32_t>(offset));
                if (in_padding) {
                    // The first cell inside the row wins against padding, also if it is -infinity.
                    best = select(negative(column), value, best);
                    column = select(negative(column), value_column, column);
                }
                const auto replace = exceeds(value, best);
                best = select(replace, value, best);
                column = select(replace, value_column, column);
            }
            best.store(values + x);
            column.store(columns + x);
        }
    }

    static std::int64_t min_of(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

    const kernels::Pool2dProblem& problem_;
    T* padded_;
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
