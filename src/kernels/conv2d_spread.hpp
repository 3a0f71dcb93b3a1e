#pragma once

#include "kernels/conv2d_vectors.hpp"
#include "simd/index.hpp"
#include "simd/vec.hpp"

namespace backgrad::BACKGRAD_ISA {

using kernels::CellGrid;
using kernels::Finish;

namespace {

/// Where the elements of a vector of cells come from: element c from number c / step if that is whole, else from
/// nowhere, for the steps that divide the lanes.
template <class T>
struct SpreadTable {
    static constexpr int lanes = vec<T>::lanes;
    std::int32_t source[lanes + 1][lanes]{};
    unsigned taken[lanes + 1]{};  ///< a bit per element

    constexpr SpreadTable() {
        for (int step = 1; step <= lanes; ++step)
            for (int c = 0; c < lanes; ++c) {
                source[step][c] = c / step;
                if (c % step == 0) taken[step] |= 1U << c;
            }
    }
};

template <class T>
constexpr SpreadTable<T> spread_table;

/// The vectors of a row of cells of `step` elements, which divides the lanes: every vector of the row is alike.
template <class T>
struct SpreadPattern {
    using V = vec<T>;
    std::int64_t sources;  ///< per vector
    index_vec<T> source;
    typename V::mask taken;

    explicit SpreadPattern(std::int64_t step)
        : sources(V::lanes / step),
          source(index_vec<T>::load(spread_table<T>.source[step])),
          taken(V::mask_of_bits(spread_table<T>.taken[step])) {}

    V operator()(const T* from) const { return select(taken, permute(V::load(from), source), V::zero()); }
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

/// The sums of some channels: those of channel r from from + r * row on.
template <class T>
struct ChannelSums {
    const T* from;
    std::ptrdiff_t row;
    std::int64_t channels;
};

template <class T>
void add_row(ChannelSums<T> sums, CellRow<T> to, const CellGrid<T>& grid) {
    for (; sums.channels > 0; --sums.channels, sums.from += sums.row, to.to += grid.channel)
        for (std::int64_t i = 0; i < to.cells; ++i) to.to[i * grid.cell_width] += sums.from[i];
}

/// `pattern` is a copy so that its vectors stay in registers, whatever is stored. Channels are inner: theirs is the one
/// loop that is long for rows of any width.
template <class T>
void spread_row(const SpreadPattern<T> pattern, ChannelSums<T> sums, CellRow<T> to, const CellGrid<T>& grid) {
    using V = vec<T>;
    const std::ptrdiff_t step = grid.channel, row = sums.row;
    const auto put = [&](auto store) __attribute__((always_inline)) {
        const T* from = sums.from;
        T* out = to.to;
        for (std::int64_t r = sums.channels; r > 0; --r, from += row, out += step) store(pattern(from), out);
        for (std::int64_t y = 1; y < to.height; ++y) {
            out = to.to + y * grid.row;
            for (std::int64_t r = sums.channels; r > 0; --r, out += step) store(V::zero(), out);
        }
    };
    for (; to.width >= V::lanes; to.width -= V::lanes, to.to += V::lanes, sums.from += pattern.sources)
        put([](V x, T * out) __attribute__((always_inline)) { x.store(out); });
    const int last = static_cast<int>(to.width);
    if (last > 0) put([last](V x, T * out) __attribute__((always_inline)) { x.store_first(out, last); });
}

/// The same with cells of any width.
template <class T>
void spread_row_one_by_one(ChannelSums<T> sums, CellRow<T> to, const CellGrid<T>& grid) {
    for (; sums.channels > 0; --sums.channels, sums.from += sums.row, to.to += grid.channel) {
        for (std::int64_t y = 0; y < to.height; ++y) clear(to.to + y * grid.row, to.width);
        for (std::int64_t i = 0; i < to.cells; ++i) to.to[i * grid.cell_width] = sums.from[i];
    }
}

template <class T>
void spread(const T* from, std::ptrdiff_t from_row, std::int64_t channels, std::int64_t first, std::int64_t cells,
            const CellGrid<T>& to, Finish finish) noexcept {
    const bool alike = vec<T>::lanes % to.cell_width == 0;
    const SpreadPattern<T> pattern(alike ? to.cell_width : 1);  // else it is not used
    std::int64_t row = first / to.columns, column = first % to.columns;
    while (cells > 0) {
        const CellRow<T> some = cell_row(to, row, column, cells);
        const ChannelSums<T> sums{from, from_row, channels};
        if (finish == Finish::add) add_row(sums, some, to);
        else if (alike) spread_row(pattern, sums, some, to);
        else spread_row_one_by_one(sums, some, to);
        from += some.cells;
        cells -= some.cells;
        column = 0;
        ++row;
    }
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
