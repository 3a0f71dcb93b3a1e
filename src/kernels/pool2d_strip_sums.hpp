#pragma once

#include "kernels/pool2d_cells.hpp"
#include "kernels/pool2d_strip_lanes.hpp"
#include "kernels/unrolled.hpp"
#include "simd/index.hpp"
#include "simd/vec.hpp"

#include <cstdint>
#include <type_traits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Rows [begin, end) of windows. `saved` tells which cell each of them has its maximum in; averages have `reciprocals`,
/// those of row y in reciprocals[y], instead. Whole vectors are read: up to `pool2d_strip_margin` elements before and
/// behind the rows. Of two planes, those of the second one lie `next_gradients` and `next_saved` elements further.
template <class T, class Saved>
struct StripWindows {
    const T* gradients;
    const Saved* saved;
    const T* const* reciprocals;
    std::int64_t begin, end;
    std::int64_t next_gradients, next_saved;
};

/// The sums of overlapping windows over rows of a plane, strip by strip: a vector of columns of each column phase, from
/// the top to the bottom. A row of windows is loaded once, at each distance at which it lies from the strip's pixels,
/// and serves all rows of pixels under it, whose sums wait in registers for the windows below. `streaming`: rows of
/// strips are whole cache lines, which go past the caches. `planes`: 2 where a strip is all columns of two planes.
template <class T, PoolRule rule, int window, int stride, int planes, bool streaming>
class StripSums {
    using Lanes = StripLanes<T, planes>;

public:
    /// What the search finds is the number of a cell in its window, too.
    using Saved = std::conditional_t<rule == PoolRule::plane_indices, std::int32_t, std::uint8_t>;
    using Windows = StripWindows<T, Saved>;

    /// Rows of pixels, and where they are written. `next`: for maxima from the input, the rows below of it, which are
    /// searched next and fetched.
    struct Rows {
        std::int64_t begin, end;
        T* to;
        const T* next;
    };

    explicit StripSums(const kernels::Pool2dProblem& problem) : problem_(problem) {}

    /// `ahead`: how far behind the windows those lie that are fetched for the next call.
    void add_up(const Windows& windows, const Rows& rows, std::int64_t ahead) const {
        const std::int64_t last = problem_.in_width - columns;
        std::int64_t column = 0;
        for (; column < last; column += columns) add_up_strip(windows, rows, ahead, {column, 0});
        // The last strip computes columns of the one before again rather than none.
        add_up_strip(windows, rows, ahead, last > 0 ? Columns{last, column - last} : Columns{0, 0});
    }

private:
    static constexpr int lanes = Lanes::count;
    static constexpr int columns = stride * lanes;
    static constexpr bool averages = rule == PoolRule::average;
    using Index = index_vec<T>;

    /// The columns of a strip from `first` on, of which some are written already.
    struct Columns {
        std::int64_t first, written;
    };

    /// Where the windows lie that meet column `stride * lane + e` of a strip with their cell `tap`: `distance` from the
    /// one that meets column `stride * lane` with its cell `phase`.
    struct Meeting {
        int e, distance;
    };

    static constexpr Meeting meeting(int phase, int tap) {
        const int e = (tap - phase + window * stride) % stride;
        return {e, (e + phase - tap) / stride};
    }

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    void add_up_strip(const Windows& windows, const Rows& rows, std::int64_t ahead, const Columns& strip) const {
        const std::int64_t phase = (strip.first + problem_.padding_left) % stride;
        if constexpr (stride == 2) {
            if (phase == 1) return add_up_strip<1>(windows, rows, ahead, strip);
        }
        add_up_strip<0>(windows, rows, ahead, strip);
    }

    /// Where the windows of a strip lie, seen from its first pixel.
    template <int phase>
    struct Reach {
        static constexpr int lowest = meeting(phase, window - 1).distance;
        static constexpr int distances = meeting(phase, 0).distance - lowest + 1;

        static std::int64_t first(const kernels::Pool2dProblem& problem, std::int64_t column) {
            return (column + problem.padding_left) / stride + lowest;
        }
        /// Negative where there is no window.
        static Index dead(const kernels::Pool2dProblem& problem, std::int64_t window_at) {
            const Index x = Lanes::numbers() + number(window_at);
            return sign(x) | sign(number(problem.out_width - 1) - x);
        }
    };

    /// Maxima: what a strip's rows have in common. The compiler keeps copies of it in registers only where no store can
    /// reach it.
    template <int phase>
    struct Cells : Reach<phase> {
        std::int64_t first;                   ///< window at the lowest distance from the strip's first pixel
        Index dead[Reach<phase>::distances];  ///< -1, which is no cell, where there is no window
        Index here[window];                   ///< positions of the pixels, seen from the row under the first cells

        Cells(const kernels::Pool2dProblem& problem, std::int64_t column)
            : first(Reach<phase>::first(problem, column)) {
            unrolled<Reach<phase>::distances>([&](auto j) { dead[j] = Reach<phase>::dead(problem, first + j); });
            Index step = Lanes::numbers();
            if constexpr (stride == 2) step = step + step;
            unrolled<window>([&](auto tap) { here[tap] = step + number(column + tap * problem.in_width); });
        }
        void enter(const Windows&, std::int64_t) {}
    };

    /// Averages: the same.
    template <int phase>
    struct Shares : Reach<phase> {
        std::int64_t first;
        typename vec<T>::mask dead[Reach<phase>::distances];
        vec<T> reciprocal[Reach<phase>::distances];
        const T* row = nullptr;  ///< whose reciprocals these are

        Shares(const kernels::Pool2dProblem& problem, std::int64_t column)
            : first(Reach<phase>::first(problem, column)) {
            unrolled<Reach<phase>::distances>([&](auto j) {
                dead[j] = negative(Reach<phase>::dead(problem, first + j));
                reciprocal[j] = vec<T>::zero();
            });
        }
        /// Comes to the row y of windows. All but the uppermost and lowest have their reciprocals in common.
        [[gnu::always_inline]] void enter(const Windows& windows, std::int64_t y) {
            if (windows.reciprocals[y] == row) return;
            row = windows.reciprocals[y];
            unrolled<Reach<phase>::distances>([&](auto j) { reciprocal[j] = Lanes::load(row + first + j, 0); });
        }
    };

    template <int phase>
    using Strip = std::conditional_t<averages, Shares<phase>, Cells<phase>>;

    using Sum = vec<T>[window][stride];

    template <int phase>
    [[gnu::noinline]] void add_up_strip(const Windows windows, const Rows rows, const std::int64_t ahead,
                                        const Columns of_strip) const {
        const std::int64_t column = of_strip.first, written = of_strip.written;
        Strip<phase> strip(problem_, column);
        const std::int64_t padding = problem_.padding_top, width = problem_.in_width, out_width = problem_.out_width;
        const std::int64_t plane = problem_.in_height * width;
        const T* const end = rows.to + (rows.end - rows.begin) * width;
        std::int64_t y = (rows.begin + padding) / stride - (window - 1) / stride, row = stride * y - padding;
        std::int64_t at = (y - windows.begin) * out_width + strip.first;
        T* to = rows.to + (row - rows.begin) * width + column;
        Sum sums;
        unrolled<window>([&](auto tap) { clear(sums[tap]); });
        for (; row < rows.end; ++y, at += out_width) {
            if (windows.begin <= y && y < windows.end) {
                prefetch_to_l2(windows.gradients + at + ahead);
                if constexpr (rule != PoolRule::input && !averages) prefetch_to_l2(windows.saved + at + ahead);
                strip.enter(windows, y);
                if constexpr (averages) add_shares(strip, windows, at, sums);
                else add(strip, windows, at, number(row * width), sums);
            }
            unrolled<stride>([&](auto tap) __attribute__((always_inline)) {
                if (rows.begin <= row && row < rows.end) {
                    if constexpr (rule == PoolRule::input) fetch(rows.next + (to - rows.to), plane);
                    put(sums[tap], to, plane, end, written, width - column);
                }
                ++row;
                to += width;
            });
            unrolled<window>([&](auto tap) __attribute__((always_inline)) {
                if constexpr (tap + stride < window) {
                    unrolled<stride>([&](auto e) { sums[tap][e] = sums[tap + stride][e]; });
                } else {
                    clear(sums[tap]);
                }
            });
        }
    }

    /// `plane`: elements from one plane to the next, here and below.
    [[gnu::always_inline]] static void fetch(const T* cells, std::int64_t plane) {
        if constexpr (planes == 1) return unrolled<stride>([&](auto e) { prefetch_to_l2(cells + e * lanes); });
        prefetch_to_l2(cells);
        prefetch_to_l2(cells + plane);
    }

    [[gnu::always_inline]] static void clear(vec<T> (&sums)[stride]) {
        unrolled<stride>([&](auto e) { sums[e] = vec<T>::zero(); });
    }

    /// Adds a row of windows to the sums of the rows of pixels under it: windows in ascending order, which is that of
    /// descending cells. `origin` is the position of the row under their first cells.
    template <int phase>
    [[gnu::always_inline]] static void add(const Cells<phase>& strip, const Windows& windows, std::int64_t at,
                                           Index origin, Sum& sums) {
        const T* const gradients = windows.gradients + at;
        const Saved* const saved = windows.saved + at;
        unrolled<window>([&](auto descending) __attribute__((always_inline)) {
            constexpr int tap = window - 1 - descending;
            constexpr Meeting met = meeting(phase, tap);
            constexpr int j = met.distance - Reach<phase>::lowest;
            vec<T> gradient = Lanes::load(gradients + j, windows.next_gradients);
            // A load that is part of a masked addition would wait for the mask.
            keep_in_register(gradient);
            Index cell = Lanes::load_index(saved + j, windows.next_saved) | strip.dead[j];
            if constexpr (rule == PoolRule::plane_indices) cell = cell - (origin + number(met.e));
            unrolled<window>([&](auto row_tap) __attribute__((always_inline)) {
                const Index expected =
                    rule == PoolRule::plane_indices ? strip.here[row_tap] : number(row_tap * window + tap);
                vec<T>& sum = sums[row_tap][met.e];
                sum = add_where(equal(cell, expected), sum, gradient);
            });
        });
    }

    /// The same for averages.
    template <int phase>
    [[gnu::always_inline]] static void add_shares(const Shares<phase>& strip, const Windows& windows, std::int64_t at,
                                                  Sum& sums) {
        const T* const gradients = windows.gradients + at;
        unrolled<window>([&](auto descending) __attribute__((always_inline)) {
            constexpr Meeting met = meeting(phase, window - 1 - descending);
            constexpr int j = met.distance - Reach<phase>::lowest;
            vec<T> share = Lanes::load(gradients + j, windows.next_gradients) * strip.reciprocal[j];
            share = select(strip.dead[j], vec<T>::zero(), share);
            unrolled<window>([&](auto row_tap) { sums[row_tap][met.e] = sums[row_tap][met.e] + share; });
        });
    }

    /// `left` columns of the row are left. Whole vectors may reach into the row below, which is written later; but what
    /// goes past the caches goes once.
    [[gnu::always_inline]] static void put(const vec<T> (&sums)[stride], T* to, std::int64_t plane, const T* end,
                                           std::int64_t written, std::int64_t left) {
        vec<T> parts[2] = {sums[0], sums[0]};
        if constexpr (stride == 2) interleave(sums[0], sums[1], parts[0], parts[1]);
        if constexpr (planes == 2) return put_planes(parts, to, to + plane, to + columns <= end, left);
        if constexpr (streaming) {
            return unrolled<stride>([&](auto e) {
                if (e * lanes >= written && e * lanes < left) parts[e].stream(to + e * lanes);
            });
        }
        if (to + columns <= end) return unrolled<stride>([&](auto e) { parts[e].store(to + e * lanes); });
        unrolled<stride>([&](auto e) {
            const std::int64_t n = left - e * lanes;
            if (n > 0) parts[e].store_first(to + e * lanes, static_cast<int>(n < lanes ? n : lanes));
        });
    }

    /// The same for a row of either plane, of which there is room for whole vectors or not.
    [[gnu::always_inline]] static void put_planes(vec<T> (&rows)[2], T* low, T* high, bool room, std::int64_t left) {
        if constexpr (stride == 1) {
            if (room) return store_halves(rows[0], low, high);
            rows[1] = upper_half(rows[0]);
        } else if (room) {
            rows[0].store(low);
            return rows[1].store(high);
        }
        rows[0].store_first(low, static_cast<int>(left));
        rows[1].store_first(high, static_cast<int>(left));
    }

    const kernels::Pool2dProblem& problem_;
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
