#pragma once

#include "kernels/pool2d_best.hpp"
#include "kernels/pool2d_cells.hpp"
#include "kernels/span_writer.hpp"

#include <type_traits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// NCHW, windows of 2 x 2 that stand side by side from the first element on: a vector of windows is two vectors of each
/// of two rows, taken apart into even and odd columns and put together again. Nothing passes through memory.
template <class T, PoolRule rule, class Writer>
class PairWindows {
public:
    PairWindows(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors), writer_(problem.accumulate, problem.streaming) {}

    void gather(const kernels::Pool2dBox& box) {
        for (std::int64_t n = box.batch_begin; n < box.batch_end; ++n) {
            const std::int64_t planes_end = n * problem_.channels + box.channel_end;
            const bool whole_planes = box.row_begin == 0 && box.row_end == problem_.in_height;
            for (std::int64_t plane = n * problem_.channels + box.channel_begin; plane < planes_end; ++plane) {
                end_ = whole_planes ? row_at(planes_end, 0) : row_at(plane, box.row_end);
                gather_plane(plane, box.row_begin, box.row_end);
            }
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    /// What belongs to the even and the odd columns of a row.
    struct Pair {
        vec<T> even, odd;
    };

    void gather_plane(std::int64_t plane, std::int64_t row_begin, std::int64_t row_end) const {
        for (std::int64_t y = row_begin / 2; 2 * y < row_end; ++y) {
            const bool upper = 2 * y >= row_begin, lower = 2 * y + 1 < row_end;
            T* const to = tensors_.grad_input + row_at(plane, 2 * y);
            if (y == problem_.out_height) {
                write_zeros(to);
            } else if (upper && lower) {
                gather_row<true, true>(plane, y, to);
            } else if (upper) {
                gather_row<true, false>(plane, y, to);
            } else {
                gather_row<false, true>(plane, y, to);
            }
        }
    }

    std::int64_t row_at(std::int64_t plane, std::int64_t row) const {
        return (plane * problem_.in_height + row) * problem_.in_width;
    }

    /// A last row that no window covers.
    void write_zeros(T* to) const {
        for (std::int64_t k = 0; k < problem_.in_width; k += 2 * lanes) {
            put({vec<T>::zero(), vec<T>::zero()}, to + k, problem_.in_width - k);
        }
    }

    /// One row of windows, and those of its two rows that the box has. A last column without a window takes part as
    /// half a window without gradient.
    template <bool upper, bool lower>
    [[gnu::noinline]] void gather_row(std::int64_t plane, std::int64_t y, T* to) const {
        const std::int64_t width = problem_.in_width, windows = problem_.out_width;
        if (upper && lower && may_spill(plane, y)) {
            if (width <= lanes) return gather_vector<true, true>(plane, y, 0, lanes / 2, to, lanes);
            return gather_vector<true, true>(plane, y, 0, lanes, to, 2 * lanes);
        }
        for (std::int64_t x = 0; 2 * x < width; x += lanes) {
            const int n = static_cast<int>(windows - x < lanes ? windows - x : lanes);
            gather_vector<upper, lower>(plane, y, x, n, to, width - 2 * x);
        }
    }

    /// Whole vectors of rows that are shorter: what they write too much, the rows below put right.
    bool may_spill(std::int64_t plane, std::int64_t y) const {
        const std::int64_t width = problem_.in_width, windows = problem_.out_width;
        return std::is_same_v<Writer, DirectWriter<T>> && width == 2 * windows && windows <= lanes &&
               row_at(plane, 2 * y + 1) + 2 * lanes <= end_ &&
               (plane * problem_.out_height + y) * windows + lanes <= problem_.output_elements;
    }

    /// n windows from x on; `left` elements of their rows are left.
    template <bool upper, bool lower>
    [[gnu::always_inline]] void gather_vector(std::int64_t plane, std::int64_t y, std::int64_t x, int n, T* to,
                                              std::int64_t left) const {
        const std::int64_t first = (plane * problem_.out_height + y) * problem_.out_width + x;
        const vec<T> gradient = load_some(tensors_.grad_output + first, n);
        Pair above{}, below{};
        share(gradient, plane, y, x, n, above, below);
        if constexpr (upper) put(above, to + 2 * x, left);
        if constexpr (lower) put(below, to + problem_.in_width + 2 * x, left);
    }

    [[gnu::always_inline]] void share(vec<T> gradient, std::int64_t plane, std::int64_t y, std::int64_t x, int n,
                                      Pair& above, Pair& below) const {
        if constexpr (rule == PoolRule::average) {
            const vec<T> part = vec<T>::zero() + gradient * vec<T>::broadcast(tensors_.reciprocals[0][0]);
            above = below = {part, part};
        } else {
            const Index maximum = maximum_of(plane, y, x, n);
            // Numbers of the cells: positions in the plane, or in the window.
            const bool in_plane = rule == PoolRule::plane_indices;
            const std::int64_t origin = in_plane ? 2 * y * problem_.in_width + 2 * x : 0;
            const std::int64_t row_step = in_plane ? problem_.in_width : 2;
            const Index first = in_plane ? number(origin) + Index::iota() + Index::iota() : number(0);
            const auto part = [&](std::int64_t cell) {
                return add_where(equal(maximum, first + number(cell)), vec<T>::zero(), gradient);
            };
            above = {part(0), part(1)};
            below = {part(row_step), part(row_step + 1)};
        }
    }

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    /// The number of each window's greatest cell.
    [[gnu::always_inline]] Index maximum_of(std::int64_t plane, std::int64_t y, std::int64_t x, int n) const {
        if constexpr (rule == PoolRule::input) {
            const T* const upper = tensors_.input + row_at(plane, 2 * y) + 2 * x;
            const Pair above = load_pair(upper, 2 * n), below = load_pair(upper + problem_.in_width, 2 * n);
            BestCell<T> best{above.even, number(0)}, second{below.even, number(2)};
            best.take({above.odd, number(1)});
            second.take({below.odd, number(3)});
            best.take(second);
            return best.position;
        } else {
            const std::int64_t at = (plane * problem_.out_height + y) * problem_.out_width + x;
            if constexpr (rule == PoolRule::plane_indices) return load_index(tensors_.plane_indices + at, n);
            else return load_index(tensors_.window_offsets + at, n);
        }
    }

    [[gnu::always_inline]] static vec<T> load_some(const T* p, int n) {
        return n == lanes ? vec<T>::load(p) : vec<T>::load_first(p, n);
    }

    template <class Saved>
    [[gnu::always_inline]] static Index load_index(const Saved* p, int n) {
        return n == lanes ? Index::load(p) : Index::load_first(p, n);
    }

    /// The first n elements of a row.
    [[gnu::always_inline]] static Pair load_pair(const T* p, int n) {
        const int high = n > lanes ? n - lanes : 0;
        Pair pair{};
        deinterleave(load_some(p, n - high), load_some(p + lanes, high), pair.even, pair.odd);
        return pair;
    }

    /// `left` elements of the row are left.
    [[gnu::always_inline]] static void put(const Pair& pair, T* to, std::int64_t left) {
        vec<T> low{}, high{};
        interleave(pair.even, pair.odd, low, high);
        if (left >= 2 * lanes) {
            Writer::write(to, low);
            return Writer::write(to + lanes, high);
        }
        Writer::write_first(to, low, static_cast<int>(left < lanes ? left : lanes));
        if (left > lanes) Writer::write_first(to + lanes, high, static_cast<int>(left - lanes));
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    std::int64_t end_ = 0;  ///< of the elements of grad_input that are written from this plane on
    Writer writer_;         ///< finishes its stores when it is destroyed
};

template <class T, PoolRule rule>
void gather_pairs(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                  const kernels::Pool2dBox& box) {
    if (problem.accumulate) return PairWindows<T, rule, AddingWriter<T>>(problem, tensors).gather(box);
    const bool aligned = StreamWriter<T>::serves(tensors.grad_input, problem.in_width);
    if (problem.streaming && aligned) return PairWindows<T, rule, StreamWriter<T>>(problem, tensors).gather(box);
    PairWindows<T, rule, DirectWriter<T>>(problem, tensors).gather(box);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
