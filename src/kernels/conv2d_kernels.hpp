#pragma once

#include "kernels/conv2d_depthwise_kernels.hpp"
#include "kernels/prefetch_queue.hpp"

#include <cstddef>
#include <cstdint>

namespace backgrad::kernels {

/// One stretch of a sum: `count` consecutive terms, starting at these offsets into the two operands.
struct Run {
    std::ptrdiff_t lane_offset;
    std::ptrdiff_t broadcast_offset;
    std::int64_t count;
};

/// What a finished sum does to the output.
enum class Finish {
    store,  ///< output = sum
    add,    ///< output = output + sum
};

/// The operands of a register tile. Term k of output (row r, vector v, lane l) is
///     lane[lane_offset * lane_unit + k * lane_step + v * lane_vector + l]   (l of vector v)
///         * broadcast[broadcast_offset * broadcast_unit + k * broadcast_step + r * broadcast_row].
/// Whole vectors are read from `lane`, so it must be readable up to the tile's last lane.
template <class T>
struct TileOperands {
    const T* lane;
    std::ptrdiff_t lane_unit;
    std::ptrdiff_t lane_step;
    std::ptrdiff_t lane_vector;
    const T* broadcast;
    std::ptrdiff_t broadcast_unit;
    std::ptrdiff_t broadcast_step;
    std::ptrdiff_t broadcast_row;
    const Run* runs;
    std::int64_t run_count;
    PrefetchQueue<T>* prefetch;
    /// The sums go on from partial[r * partial_row + v * lanes + l] instead of +0, unless null.
    const T* partial = nullptr;
    std::ptrdiff_t partial_row = 0;
    /// Where a packing tile leaves the lane operands that it read: [term][vector][lane].
    T* packed = nullptr;
};

/// Where a tile's sums go: output[r * row + v * vector + l], `lanes` lanes of each vector and `last_lanes` of the last.
template <class T>
struct TileOutput {
    T* output;
    std::ptrdiff_t row;
    std::ptrdiff_t vector;
    int lanes, last_lanes;
    Finish finish;
    /// Sums that are stored, not added, go past the caches: whole vectors that begin at multiples of their length. The
    /// task ends with TileKernels::fence.
    bool streaming = false;
};

/// Register tiles of `vectors` vectors x `rows` broadcast rows. Each output is one chain of FMAs from +0 over all
/// runs in order, so the tile's size never changes a bit.
template <class T>
struct TileKernels {
    static constexpr int max_vectors = 8;
    static constexpr int max_rows = 16;
    static constexpr int max_packing_vectors = 4;
    using Function = void (*)(const TileOperands<T>&, const TileOutput<T>&) noexcept;

    int lanes;
    /// Largest row count that fits the register file beside `vectors` vectors, at least 1.
    int rows_limit[max_vectors + 1];
    Function function[max_vectors + 1][max_rows + 1];
    /// The same tiles, which also copy the lane operands: packing for the tiles that follow costs a store per load,
    /// and their time is hidden behind the FMAs.
    Function packing[max_packing_vectors + 1][max_rows + 1];
    /// Orders what went past the caches before every later store.
    void (*fence)() noexcept;
};

/// The operands of a dot tile: sums over the lanes. Term k of output (row r, column c) is
///     a[a_offset + k + r * a_row] * b[b_offset + k + b_columns[c]]
/// and goes to chain k mod chains (16 for f32, 8 for f64); every run starts at chain 0. Whole vectors are read from b,
/// up to `chains` - 1 elements behind a run, which are multiplied by zeros.
template <class T>
struct DotOperands {
    const T* a;
    std::ptrdiff_t a_row;
    const T* b;
    const std::ptrdiff_t* b_columns;
    const Run* runs;  ///< lane_offset is a's, broadcast_offset is b's
    std::int64_t run_count;
};

/// Dot tiles of `rows` x `columns` outputs. They continue the chains in `state`, which holds [row][column][chain]
/// with `state_row` elements between rows, so that a sum may be cut into blocks anywhere between runs.
template <class T>
struct DotKernels {
    static constexpr int chains = 64 / sizeof(T);
    static constexpr int max_rows = 8;
    static constexpr int max_columns = 8;
    using Function = void (*)(const DotOperands<T>&, T* state, std::ptrdiff_t state_row) noexcept;

    int rows_limit[max_columns + 1];
    Function function[max_rows + 1][max_columns + 1];
    /// Joins the chains of `count` sums by the fixed tree (i + 8, i + 4, i + 2, i + 1): total[i] += sum of state[i].
    void (*join)(const T* state, std::int64_t count, T* total) noexcept;
};

/// The cells of an image whose first elements a strided 1x1 convolution reads: `columns` to a row of cells. The cells
/// at the right and at the bottom may be smaller.
template <class T>
struct CellGrid {
    T* output;
    std::ptrdiff_t channel, row;
    std::int64_t height, width;  ///< of the image, in elements
    std::int64_t cell_height, cell_width, columns;
};

/// One column of kernel taps: at element i of its phase, the term of the first kernel row is from[offset + i], for i in
/// [begin, end).
struct FoldTap {
    std::ptrdiff_t offset;
    std::int64_t begin, end;
};

/// The terms of a row of grad_input. Element i * phases + phase is the sum over the phase's taps, and for each tap over
/// `rows` kernel rows, whose terms are row_step apart.
template <class T>
struct FoldRow {
    const T* from;
    const FoldTap* taps;             ///< phase by phase
    const std::int64_t* phase_ends;  ///< where each phase's taps end
    std::int64_t phases;
    std::int64_t rows;
    std::ptrdiff_t row_step;
};

/// Copies between layouts and sums in memory. Strides in elements.
template <class T>
struct PackKernels {
    /// Into a panel: to[r * to_row + c] = from[r * from_row + c * from_step]. Returns true if all are finite.
    bool (*copy)(const T* from, std::ptrdiff_t from_row, std::ptrdiff_t from_step, std::int64_t rows,
                 std::int64_t columns, T* to, std::ptrdiff_t to_row) noexcept;
    /// Into a panel: to[c * to_row + r] = from[r * from_row + c]. Each to-row is filled with zeros up to the next
    /// multiple of the vector length. Returns true if all are finite.
    bool (*transpose)(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns, T* to,
                      std::ptrdiff_t to_row) noexcept;
    /// As transpose, but writes nothing beside the rows * columns elements.
    bool (*transpose_tight)(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns, T* to,
                            std::ptrdiff_t to_row) noexcept;
    /// As transpose, and as sum_rows on the way.
    void (*transpose_and_sum)(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns, T* to,
                              std::ptrdiff_t to_row, T* state) noexcept;
    /// Into a panel, taps apart: to[t * to_row + c] = from[c * taps + t], and nothing beside. Returns true if all are
    /// finite.
    bool (*split_taps)(const T* from, std::int64_t channels, std::int64_t taps, T* to, std::ptrdiff_t to_row) noexcept;
    /// Into a panel: to[c * rows + r] = from[r * from_row + c], nothing beside.
    void (*interleave)(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns, T* to) noexcept;
    /// Into a panel: to[c * to_row + r] = from[offsets[r] + c]; each to-row is filled with zeros up to the next
    /// multiple of the vector length. Whole vectors are read from `from`.
    void (*gather_rows)(const T* from, const std::ptrdiff_t* offsets, std::int64_t rows, std::int64_t columns, T* to,
                        std::ptrdiff_t to_row) noexcept;
    /// Into a tensor: to[c * to_row + r] (= or +=) from[r * from_row + c], nothing beside.
    void (*transpose_out)(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns, T* to,
                          std::ptrdiff_t to_row, Finish finish) noexcept;
    /// Into a tensor: to[r * to_row + c * to_step] (= or +=) from[r * from_row + c], nothing beside.
    void (*copy_out)(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns, T* to,
                     std::ptrdiff_t to_row, std::ptrdiff_t to_step, Finish finish) noexcept;
    /// Cell first + i of channel r of the image becomes from[r * from_row + i] in its first element and +0 elsewhere
    /// (or has it added to its first element). Whole vectors are read from `from`.
    void (*spread)(const T* from, std::ptrdiff_t from_row, std::int64_t channels, std::int64_t first,
                   std::int64_t cells, const CellGrid<T>& to, Finish finish) noexcept;
    /// to[x] (= or +=) the sum of the terms of element x, for x in [0, width).
    void (*fold)(const FoldRow<T>& row, std::int64_t width, T* to, Finish finish) noexcept;
    /// to[i] = +0.
    void (*clear)(T* to, std::int64_t count) noexcept;
    /// to[r * to_row + c] = +0.
    void (*clear_columns)(T* to, std::ptrdiff_t to_row, std::int64_t rows, std::int64_t columns) noexcept;
    /// Sums along rows: element c of row r goes on with chain c mod chains, in state[r * chains + chain].
    void (*sum_rows)(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns,
                     T* state) noexcept;
    /// Sums across rows: state[c] goes on with from[r * from_row + c] for r = 0, 1, ...
    void (*sum_columns)(const T* from, std::ptrdiff_t from_row, std::int64_t rows, std::int64_t columns,
                        T* state) noexcept;
};

/// All kernels of conv2d for one ISA.
template <class T>
struct Conv2dKernels {
    const TileKernels<T>* tile;
    const DotKernels<T>* dot;
    const PackKernels<T>* pack;
    const DepthwiseKernels<T>* depthwise;
};

}  // namespace backgrad::kernels
