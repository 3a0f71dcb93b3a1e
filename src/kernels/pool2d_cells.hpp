#pragma once

#include "kernels/pool2d_kernels.hpp"

#include <type_traits>

namespace backgrad::BACKGRAD_ISA {
namespace {

enum class PoolKind { maximum, average };

/// How a pixel finds out which part of a window's gradient it gets.
enum class PoolRule { average, plane_indices, window_offsets, input };

/// Calls gather with the rule of a source of maxima as a constant.
template <class Gather>
void with_rule(kernels::MaximumSource source, Gather gather) {
    switch (source) {
        case kernels::MaximumSource::input:
            return gather(std::integral_constant<PoolRule, PoolRule::input>{});
        case kernels::MaximumSource::plane_indices:
            return gather(std::integral_constant<PoolRule, PoolRule::plane_indices>{});
        case kernels::MaximumSource::window_offsets:
            return gather(std::integral_constant<PoolRule, PoolRule::window_offsets>{});
    }
}

/// The rows (or columns) of the input that one window covers: first, first + step, ... below end.
struct CellRange {
    std::int64_t first, end, step;

    std::int64_t count() const {
        if (first >= end) return 0;
        return step == 1 ? end - first : (end - first + step - 1) / step;
    }
};

/// Of a window of `window` cells, `dilation` apart, whose first one is at `start`, in an input of `size`.
inline CellRange cells_inside(std::int64_t start, std::int64_t window, std::int64_t dilation, std::int64_t size) {
    const std::int64_t end = start + (window - 1) * dilation + 1;
    const std::int64_t first = start >= 0 ? start : start + (-start + dilation - 1) / dilation * dilation;
    return {first, end < size ? end : size, dilation};
}

inline CellRange rows_of_window(const kernels::Pool2dProblem& problem, std::int64_t y) {
    return cells_inside(y * problem.stride_height - problem.padding_top, problem.window_height, problem.dilation_height,
                        problem.in_height);
}

inline CellRange columns_of_window(const kernels::Pool2dProblem& problem, std::int64_t x) {
    return cells_inside(x * problem.stride_width - problem.padding_left, problem.window_width, problem.dilation_width,
                        problem.in_width);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
