#pragma once

#include "kernels/pool2d_kernels.hpp"
#include "kernels/span_writer.hpp"
#include "kernels/unrolled.hpp"
#include "simd/index.hpp"
#include "simd/vec.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// The sums of windows over elements of a phase. `gradients` and `positions` hold the windows of a block, surrounded by
/// windows without gradient, so that every window is one load at a distance that holds for the whole phase.
template <class T, PoolKind kind>
class PhaseSums {
public:
    /// Where the windows of some elements lie, from the first element on.
    struct Windows {
        const std::int64_t* at;
        std::int64_t count;
    };

    /// Some rows of a phase, and a run of elements of each.
    struct Part {
        std::int64_t rows, elements;
        std::int64_t scratch;  ///< where the windows of the first row and element are counted from
        const std::int32_t* columns;
        std::int64_t position;  ///< of column 0 in the first row
        T* to;
        std::int64_t to_step;  ///< from row to row
    };

    PhaseSums(const kernels::Pool2dProblem& problem, const T* gradients, const std::int32_t* positions)
        : problem_(problem), phases_(problem.phases), gradients_(gradients), positions_(positions) {}

    /// Of the elements of a phase of rows and one of columns.
    Windows windows_of(std::int64_t row_phase, std::int64_t column_phase) const {
        const std::int64_t* const first = phases_.first_window + row_phase * problem_.stride_width + column_phase;
        return {phases_.windows + first[0], first[1] - first[0]};
    }

    void add_up(const Windows& windows, const Part& part) const {
        switch (windows.count) {
            case 1:
                return add_up<1>(windows, part);
            case 2:
                return add_up<2>(windows, part);
            case 3:
                return add_up<3>(windows, part);
            case 4:
                return add_up<4>(windows, part);
            case 6:
                return add_up<6>(windows, part);
            case 9:
                return add_up_tiles(windows, part);
            default:
                return add_up<0>(windows, part);
        }
    }

    /// Even and odd columns, one channel.
    void add_up_pairs(std::int64_t phase, const Part& part) const {
        const Windows even = windows_of(phase, 0), odd = windows_of(phase, 1);
        if (even.count == 1 && odd.count == 1) return add_up_pairs<1, 1>(even, odd, part);
        if (even.count == 1 && odd.count == 2) return add_up_pairs<1, 2>(even, odd, part);
        if (even.count == 2 && odd.count == 1) return add_up_pairs<2, 1>(even, odd, part);
        if (even.count == 2 && odd.count == 4) return add_up_pairs<2, 4>(even, odd, part);
        if (even.count == 4 && odd.count == 2) return add_up_pairs<4, 2>(even, odd, part);
        add_up_pairs<0, 0>(even, odd, part);
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    static constexpr int tile_rows = 4;
    using Index = index_vec<T>;

    /// One row of a part.
    struct PartRow {
        const T* gradients;
        const std::int32_t* maxima;
        std::int64_t position;
        T* to;
    };

    /// A list of windows that the compiler may keep in registers: `fixed` of them if not 0.
    template <int fixed>
    class Sum {
    public:
        Sum(const Windows& windows) : count_(fixed > 0 ? fixed : static_cast<int>(windows.count)) {
            for (int j = 0; j < count_; ++j) at_[j] = windows.at[j];
        }

        [[gnu::always_inline]] vec<T> operator()(const T* gradients, const std::int32_t* maxima, Index position) const {
            vec<T> sum = vec<T>::zero();
            for (int j = 0; j < (fixed > 0 ? fixed : count_); ++j) {
                vec<T> gradient = vec<T>::load(gradients + at_[j]);
                // A load that is part of a masked addition would wait for the mask.
                keep_in_register(gradient);
                if constexpr (kind == PoolKind::average) {
                    sum = sum + gradient;
                } else {
                    sum = add_where(equal(Index::load(maxima + at_[j]), position), sum, gradient);
                }
            }
            return sum;
        }

    private:
        int count_;
        std::int64_t at_[fixed > 0 ? fixed : kernels::pool2d_max_windows];
    };

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    template <int fixed>
    [[gnu::noinline]] void add_up(const Windows& windows, const Part& part, std::int64_t row = 0) const {
        const Sum<fixed> sum(windows);
        for (; row < part.rows; ++row) {
            const PartRow at = row_of(part, row);
            const Index here = number(at.position);
            for_each_vector<T>(
                part.elements, [&](std::int64_t k, int n) __attribute__((always_inline)) {
                    const vec<T> all = sum(at.gradients + k, at.maxima + k, Index::load(part.columns + k) + here);
                    n == lanes ? all.store(at.to + k) : all.store_first(at.to + k, n);
                });
        }
    }

    [[gnu::always_inline]] PartRow row_of(const Part& part, std::int64_t row) const {
        const std::int64_t scratch = part.scratch + row * phases_.pitch;
        return {gradients_ + scratch, positions_ + (kind == PoolKind::maximum ? scratch : 0),
                part.position + row * problem_.stride_height * problem_.in_width, part.to + row * part.to_step};
    }

    /// 3 x 3 windows. With stride 1 neighbouring rows share two of three rows of windows: a tile of rows loads each
    /// window once.
    void add_up_tiles(const Windows& windows, const Part& part) const {
        const bool shared =
            windows.at[3] - windows.at[0] == phases_.pitch && windows.at[6] - windows.at[3] == phases_.pitch;
        std::int64_t row = 0;
        for (; shared && row + tile_rows <= part.rows; row += tile_rows) add_up_tile(windows, part, row);
        add_up<9>(windows, part, row);
    }

    [[gnu::noinline]] void add_up_tile(const Windows& windows, const Part& part, std::int64_t first) const {
        const std::int64_t at[3] = {windows.at[0], windows.at[1], windows.at[2]}, pitch = phases_.pitch;
        const PartRow from = row_of(part, first);
        const Index here = number(from.position), row_step = number(problem_.in_width);
        for_each_vector<T>(
            part.elements, [&](std::int64_t k, int n) __attribute__((always_inline)) {
                Index positions[tile_rows];
                vec<T> sums[tile_rows];
                unrolled<tile_rows>([&](auto row) {
                    sums[row] = vec<T>::zero();
                    positions[row] = row == 0 ? Index::load(part.columns + k) + here : positions[row - 1] + row_step;
                });
                unrolled<tile_rows + 2>([&](auto y) {
                    unrolled<3>([&](auto x) {
                        const std::int64_t window = y * pitch + at[x] + k;
                        vec<T> gradient = vec<T>::load(from.gradients + window);
                        keep_in_register(gradient);
                        Index maximum{};
                        if constexpr (kind == PoolKind::maximum) maximum = Index::load(from.maxima + window);
                        unrolled<tile_rows>([&](auto row) {
                            if constexpr (row <= y && y < row + 3) add(sums[row], gradient, maximum, positions[row]);
                        });
                    });
                });
                unrolled<tile_rows>([&](auto row) {
                    T* const to = from.to + row * part.to_step + k;
                    n == lanes ? sums[row].store(to) : sums[row].store_first(to, n);
                });
            });
    }

    [[gnu::always_inline]] static void add(vec<T>& sum, vec<T> gradient, Index maximum, Index position) {
        if constexpr (kind == PoolKind::average) sum = sum + gradient;
        else sum = add_where(equal(maximum, position), sum, gradient);
    }

    template <int fixed_even, int fixed_odd>
    [[gnu::noinline]] void add_up_pairs(const Windows& even, const Windows& odd, const Part& part) const {
        const Sum<fixed_even> sum_even(even);
        const Sum<fixed_odd> sum_odd(odd);
        for (std::int64_t row = 0; row < part.rows; ++row) {
            const PartRow at = row_of(part, row);
            const Index here = number(at.position), beside = number(at.position + 1);
            for (std::int64_t k = 0; k < part.elements; k += 2 * lanes) {
                const std::int64_t pair = k / 2;
                const T* const gradients = at.gradients + pair;
                const std::int32_t* const maxima = at.maxima + pair;
                const Index column = Index::load(part.columns + pair);
                vec<T> low{}, high{};
                interleave(sum_even(gradients, maxima, column + here), sum_odd(gradients, maxima, column + beside), low,
                           high);
                store(low, high, at.to + k, part.elements - k);
            }
        }
    }

    [[gnu::always_inline]] static void store(vec<T> low, vec<T> high, T* to, std::int64_t left) {
        if (left >= 2 * lanes) {
            low.store(to);
            return high.store(to + lanes);
        }
        low.store_first(to, static_cast<int>(left < lanes ? left : lanes));
        if (left > lanes) high.store_first(to + lanes, static_cast<int>(left - lanes));
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dPhases& phases_;
    const T* gradients_;
    const std::int32_t* positions_;
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
