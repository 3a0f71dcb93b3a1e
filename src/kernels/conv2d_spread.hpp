#pragma once

#include "kernels/conv2d_vectors.hpp"
#include "simd/index.hpp"
#include "simd/vec.hpp"

namespace backgrad::BACKGRAD_ISA {

using kernels::CellGrid;
using kernels::Finish;

namespace {

/// Where a row's elements come from: element c from number c / step if that is whole, else from nowhere. Every vector
/// of the row is alike if the step divides the lanes.
template <class T>
class SpreadPattern {
public:
    using V = vec<T>;

    explicit SpreadPattern(std::int64_t step) : step_(step), sources_(V::lanes / step), divides_(V::lanes % step == 0) {
        if (!divides_) return;
        const int step_of_lanes = static_cast<int>(step);
        std::int32_t source[V::lanes];
        T taken[V::lanes];
        for (int c = 0; c < V::lanes; ++c) {
            source[c] = c / step_of_lanes;
            taken[c] = c % step_of_lanes == 0 ? T(1) : T(0);
        }
        source_ = index_vec<T>::load(source);
        taken_ = equal(V::load(taken), V::broadcast(1));
    }

    void store(const T* from, T* to, std::int64_t elements) const {
        if (divides_) {
            std::int64_t c = 0;
            for (; c + V::lanes <= elements; c += V::lanes, from += sources_) spread(from).store(to + c);
            if (c < elements) spread(from).store_first(to + c, static_cast<int>(elements - c));
        } else {
            clear(to, elements);
            for (std::int64_t c = 0; c < elements; c += step_) to[c] = *from++;
        }
    }

private:
    V spread(const T* from) const { return select(taken_, permute(V::load(from), source_), V::zero()); }

    std::int64_t step_, sources_;  ///< elements per source, sources per vector
    bool divides_;
    index_vec<T> source_{};
    typename V::mask taken_{};
};

/// Part of a row of cells, of some channels: elements [0, width) of `height` rows of the image from `to` on.
template <class T>
struct CellRow {
    T* to;
    std::int64_t cells, width, height;
};

/// The row of cells from the given cell on, and not beyond the last of `cells` cells.
template <class T>
CellRow<T> cell_row(const CellGrid<T>& grid, std::int64_t row, std::int64_t column, std::int64_t cells) {
    const std::int64_t here = grid.columns - column < cells ? grid.columns - column : cells;
    const std::int64_t top = row * grid.cell_height, left = column * grid.cell_width;
    const std::int64_t below = grid.height - top;
    return {grid.output + top * grid.row + left, here,
            column + here == grid.columns ? grid.width - left : here * grid.cell_width,
            grid.cell_height < below ? grid.cell_height : below};
}

template <class T>
void spread(const T* from, std::ptrdiff_t from_row, std::int64_t channels, std::int64_t first, std::int64_t cells,
            const CellGrid<T>& to, Finish finish) noexcept {
    const SpreadPattern<T> pattern(to.cell_width);
    std::int64_t row = first / to.columns, column = first % to.columns;
    while (cells > 0) {
        const CellRow<T> some = cell_row(to, row, column, cells);
        T* out = some.to;
        for (std::int64_t r = 0; r < channels; ++r, out += to.channel) {
            const T* sums = from + r * from_row;
            if (finish == Finish::add) {
                for (std::int64_t i = 0; i < some.cells; ++i) out[i * to.cell_width] += sums[i];
            } else {
                pattern.store(sums, out, some.width);
                for (std::int64_t y = 1; y < some.height; ++y) clear(out + y * to.row, some.width);
            }
        }
        from += some.cells;
        cells -= some.cells;
        column = 0;
        ++row;
    }
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
