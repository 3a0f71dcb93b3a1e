#pragma once

#include "kernels/pool2d_best.hpp"
#include "kernels/pool2d_kernels.hpp"
#include "kernels/pool2d_strip_lanes.hpp"
#include "kernels/unrolled.hpp"

#include <cstdint>
#include <limits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Rows [begin, end) of a plane of the input. Whole vectors are read: up to `pool2d_strip_margin` elements before and
/// behind the rows. Of two planes, the second one stands right behind the first.
template <class T>
struct StripInput {
    const T* rows;
    std::int64_t begin, end;
};

/// The cells in which overlapping windows have their maxima, as numbers in the window, strip by strip: a vector of
/// windows side by side, from the top to the bottom. Each row of the input is reduced once, to its best cell in every
/// window, and stays in registers until the last window that it belongs to. `planes`: as in StripSums.
template <class T, int window, int stride, int planes>
class StripMaxima {
    using Lanes = StripLanes<T, planes>;

public:
    explicit StripMaxima(const kernels::Pool2dProblem& problem) : problem_(problem) {}

    /// How far behind those of the first plane the second one's are written: not so close that they meet.
    std::int64_t next() const { return planes == 1 ? 0 : problem_.out_height * problem_.out_width + lanes; }

    /// Of rows [begin, end) of windows. Writes whole vectors. `ordered` promises that all of the input is finite.
    template <bool ordered>
    void find(const StripInput<T>& input, std::int64_t begin, std::int64_t end, std::uint8_t* to) const {
        const std::int64_t last = problem_.out_width - lanes;
        for (std::int64_t x = 0; x < last; x += lanes) find_strip<ordered>(input, begin, end, to, x);
        find_strip<ordered>(input, begin, end, to, last > 0 ? last : 0);
    }

private:
    static constexpr int lanes = Lanes::count;
    using Index = index_vec<T>;
    using Mask = typename vec<T>::mask;
    using Best = BestCell<T>;

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }
    static vec<T> nothing() { return vec<T>::broadcast(-std::numeric_limits<T>::infinity()); }

    /// What a strip's rows have in common. The compiler keeps copies of it in registers only where no store can reach
    /// it.
    struct Strip {
        Index first;  ///< number of a window's first cell inside the tensor, which it has even if all are -infinity
        Mask dead[window];  ///< where a cell lies outside

        Strip(const kernels::Pool2dProblem& problem, std::int64_t column) {
            Index start = Lanes::numbers();
            if constexpr (stride == 2) start = start + start;
            start = start + number(column);
            first = number(0);
            unrolled<window>([&](auto tap) {
                const Index place = start + number(tap);
                dead[tap] = negative(place | (number(problem.in_width - 1) - place));
                first = select(negative(place), number(tap + 1), first);
            });
        }
    };

    template <bool ordered>
    [[gnu::noinline]] void find_strip(const StripInput<T> input, std::int64_t y, const std::int64_t end,
                                      std::uint8_t* to, const std::int64_t x) const {
        const std::int64_t width = problem_.in_width, out_width = problem_.out_width, rows = input.end - input.begin;
        const std::int64_t column = stride * x - problem_.padding_left;
        const Strip strip(problem_, column);
        const std::int64_t plane = problem_.in_height * width, next_plane = next();
        // Rows are counted from the first one of the input on.
        std::int64_t row = stride * y - problem_.padding_top - input.begin, above = problem_.padding_top - stride * y;
        const T* from = input.rows + row * width + column;
        Best best[window];
        const auto reduce_next = [&](Best & next) __attribute__((always_inline)) {
            // Outside the tensor -infinity, which exceeds nothing.
            next = {nothing(), strip.first};
            if (0 <= row && row < rows) reduce<ordered>(strip, from, plane, next);
            ++row;
            from += width;
        };
        unrolled<window - stride>([&](auto tap) __attribute__((always_inline)) { reduce_next(best[tap]); });
        for (to += x; y < end; ++y, above -= stride, to += out_width) {
            unrolled<stride>([&](auto k) __attribute__((always_inline)) { reduce_next(best[window - stride + k]); });
            // The first cell inside stands below the rows above the tensor.
            Best all{best[0].value, best[0].position + number(above > 0 ? above * window : 0)};
            unrolled<window - 1>([&](auto before) __attribute__((always_inline)) {
                constexpr int tap = before + 1;
                all.template take<ordered>({best[tap].value, best[tap].position + number(tap * window)});
            });
            if constexpr (planes == 1) all.position.store(to);
            else store_halves(all.position, to, to + next_plane);
            unrolled<window - stride>([&](auto tap) { best[tap] = best[tap + stride]; });
        }
    }

    /// The best cells of a row. `plane`: elements from one plane to the next, here and below.
    template <bool ordered>
    [[gnu::always_inline]] static void reduce(const Strip& strip, const T* from, std::int64_t plane, Best& best) {
        vec<T> cells[window];
        load(from, plane, cells);
        unrolled<window>([&](auto tap) __attribute__((always_inline)) {
            cells[tap] = select(strip.dead[tap], nothing(), cells[tap]);
        });
        best.value = cells[0];
        unrolled<window - 1>([&](auto before) __attribute__((always_inline)) {
            constexpr int tap = before + 1;
            best.template take<ordered>({cells[tap], number(tap)});
        });
    }

    [[gnu::always_inline]] static void load(const T* from, std::int64_t plane, vec<T> (&cells)[window]) {
        // Of two planes, either has as many columns as a vector has lanes.
        const T* const more = planes == 1 ? from + lanes : from + plane;
        unrolled<window>([&](auto tap) __attribute__((always_inline)) {
            if constexpr (stride == 1) {
                cells[tap] = Lanes::load(from + tap, plane);
            } else if constexpr (tap % 2 == 0) {
                vec<T> odd{};
                deinterleave(vec<T>::load(from + tap), vec<T>::load(more + tap), cells[tap], odd);
                if constexpr (tap + 1 < window) cells[tap + 1] = odd;
            }
        });
    }

    const kernels::Pool2dProblem& problem_;
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
