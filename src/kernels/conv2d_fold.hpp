#pragma once

#include "kernels/conv2d_vectors.hpp"
#include "kernels/interleave.hpp"
#include "simd/index.hpp"
#include "simd/vec.hpp"

namespace backgrad::BACKGRAD_ISA {

using kernels::Finish;
using kernels::FoldRow;
using kernels::FoldTap;

namespace {

/// `vectors` vectors of sums of one phase, from element `first` on: over taps, and for each over kernel rows. Lanes
/// beside a tap's elements add +0, which changes no sum that began with +0.
template <class T, int vectors>
[[gnu::always_inline]] inline void fold_vectors(const FoldRow<T>& row, const FoldTap* tap, const FoldTap* end,
                                                std::int64_t first, vec<T> (&sum)[vectors]) {
    using V = vec<T>;
    constexpr int lanes = vectors * V::lanes;
    const std::int64_t rows = row.rows;
    const std::ptrdiff_t step = row.row_step;
    for (V& s : sum) s = V::zero();
    for (; tap != end; ++tap) {
        const T* from = row.from + tap->offset + first;
        const std::int64_t begin = tap->begin - first, behind = tap->end - first;
        if (begin <= 0 && behind >= lanes) {
            for (std::int64_t r = 0; r < rows; ++r, from += step)
                for (int v = 0; v < vectors; ++v) sum[v] = sum[v] + V::load(from + v * V::lanes);
        } else if (begin < behind) {
            const std::int64_t low = begin > 0 ? begin : 0, high = behind < lanes ? behind : lanes;
            const unsigned long long taken = low < high ? (1ULL << high) - (1ULL << low) : 0;
            for (std::int64_t r = 0; r < rows; ++r, from += step)
                for (int v = 0; v < vectors; ++v) {
                    const unsigned bits = static_cast<unsigned>(taken >> (v * V::lanes)) & ((1U << V::lanes) - 1U);
                    sum[v] = sum[v] + V::load_bits(from + v * V::lanes, bits);
                }
        }
    }
}

/// What of a vector lies before the end of a row, which has `elements` left.
template <class T>
void write_some(vec<T> x, T* to, std::int64_t elements, Finish finish) {
    if (elements > 0) write_first(x, to, limited(elements, vec<T>::lanes), finish);
}

template <class T>
void fold_whole(const FoldRow<T>& row, std::int64_t width, T* to, Finish finish) {
    using V = vec<T>;
    const FoldTap* end = row.taps + row.phase_ends[0];
    std::int64_t x = 0;
    for (; x + V::lanes < width; x += 2 * V::lanes) {
        V sum[2];
        fold_vectors(row, row.taps, end, x, sum);
        write_some(sum[0], to + x, V::lanes, finish);
        write_some(sum[1], to + x + V::lanes, width - x - V::lanes, finish);
    }
    if (x < width) {
        V sum[1];
        fold_vectors(row, row.taps, end, x, sum);
        write_some(sum[0], to + x, width - x, finish);
    }
}

/// Some phases: what they sum is put together in whole vectors.
template <class T, int phases>
void fold_interleaved(const FoldRow<T>& row, std::int64_t width, T* to, Finish finish) {
    using V = vec<T>;
    for (std::int64_t i = 0; i * phases < width; i += V::lanes) {
        V sum[phases], out[phases];
        const FoldTap* tap = row.taps;
        for (int phase = 0; phase < phases; ++phase) {
            const FoldTap* end = row.taps + row.phase_ends[phase];
            V alone[1];
            fold_vectors(row, tap, end, i, alone);
            sum[phase] = alone[0];
            tap = end;
        }
        interleave(sum, out);
        for (int v = 0; v < phases; ++v) {
            const std::int64_t x = i * phases + v * V::lanes;
            write_some(out[v], to + x, width - x, finish);
        }
    }
}

/// Any number of phases: element by element.
template <class T>
void fold_scattered(const FoldRow<T>& row, std::int64_t width, T* to, Finish finish) {
    using V = vec<T>;
    const FoldTap* tap = row.taps;
    for (std::int64_t phase = 0; phase < row.phases; ++phase) {
        const FoldTap* end = row.taps + row.phase_ends[phase];
        for (std::int64_t i = 0; i * row.phases + phase < width; i += V::lanes) {
            V sum[1];
            fold_vectors(row, tap, end, i, sum);
            T sums[V::lanes];
            sum[0].store(sums);
            for (std::int64_t k = 0, x = i * row.phases + phase; k < V::lanes && x < width; ++k, x += row.phases)
                to[x] = finish == Finish::add ? to[x] + sums[k] : sums[k];
        }
        tap = end;
    }
}

template <class T>
void fold(const FoldRow<T>& row, std::int64_t width, T* to, Finish finish) noexcept {
    switch (row.phases) {
        case 1:
            return fold_whole(row, width, to, finish);
        case 2:
            return fold_interleaved<T, 2>(row, width, to, finish);
        case 3:
            return fold_interleaved<T, 3>(row, width, to, finish);
        case 4:
            return fold_interleaved<T, 4>(row, width, to, finish);
        default:
            return fold_scattered(row, width, to, finish);
    }
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
