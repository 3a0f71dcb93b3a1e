#pragma once

#include "kernels/pool2d_kernels.hpp"
#include "simd/index.hpp"

#include <cstdint>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Turns offsets in windows, row * window_width + column, into positions in the plane. Tables tell where each window
/// begins.
template <class T>
class OffsetPositions {
public:
    OffsetPositions(const kernels::Pool2dProblem& problem, const std::int32_t* rows, const std::int32_t* columns)
        : problem_(problem), rows_(rows), columns_(columns) {}

    /// Of windows that begin `top` rows below what the table says. Writes whole vectors.
    [[gnu::noinline]] void find(const std::uint8_t* offsets, std::int64_t top, std::int64_t windows,
                                std::int32_t* to) const {
        for (std::int64_t x = 0; x < windows; x += lanes) {
            const Index offset = windows - x < lanes ? Index::load_first(offsets + x, static_cast<int>(windows - x))
                                                     : Index::load(offsets + x);
            position(offset, Index::load(rows_ + x) + number(top), Index::load(columns_ + x)).store(to + x);
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    /// A cell outside the tensor gives -1: as a position it would be another pixel. So does a row beyond the window.
    Index position(Index offset, Index first_row, Index first_column) const {
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
    const std::int32_t *rows_, *columns_;
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
