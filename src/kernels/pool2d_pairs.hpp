#pragma once

#include "kernels/channel_vectors.hpp"
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
                end_ = whole_planes ? first_of(planes_end) : first_of(plane) + box.row_end * problem_.in_width;
                gather_plane(plane, box.row_begin, box.row_end);
            }
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    static constexpr bool overwrites = std::is_same_v<Writer, DirectWriter<T>>;
    using Index = index_vec<T>;

    /// What belongs to the even and the odd columns of a row.
    struct Pair {
        vec<T> even, odd;
    };

    /// A vector of windows: the first of them in grad_output, its first cell in its plane, and that plane's in
    /// grad_input.
    struct Place {
        std::int64_t window, cell, plane;
        std::int64_t input() const { return plane + cell; }
        Place right(std::int64_t windows) const { return {window + windows, cell + 2 * windows, plane}; }
    };

    std::int64_t first_of(std::int64_t plane) const { return plane * problem_.in_height * problem_.in_width; }

    Place place(std::int64_t plane, std::int64_t row) const {
        return {(plane * problem_.out_height + row / 2) * problem_.out_width, row / 2 * 2 * problem_.in_width,
                first_of(plane)};
    }

    void gather_plane(std::int64_t plane, std::int64_t row, std::int64_t row_end) const {
        const std::int64_t windows_end = row_end < 2 * problem_.out_height ? row_end : 2 * problem_.out_height;
        if (row % 2 != 0 && row < windows_end) gather_row<false, true>(place(plane, row++));
        if (windows_end - row >= 2) {
            gather_rows(place(plane, row), (windows_end - row) / 2);
            row += (windows_end - row) / 2 * 2;
        }
        if (row < windows_end) gather_row<true, false>(place(plane, row++));
        if (row < row_end) write_zeros(first_of(plane) + row * problem_.in_width);
    }

    /// A last row that no window covers.
    void write_zeros(std::int64_t at) const {
        T* const to = tensors_.grad_input + at;
        for (std::int64_t k = 0; k < problem_.in_width; k += 2 * lanes) {
            put({vec<T>::zero(), vec<T>::zero()}, to + k, problem_.in_width - k);
        }
    }

    /// Some rows of windows, both rows of each. What may be written twice is written in whole vectors: the last of a
    /// row begins before the end of the one before it, and what rows of less than one write too much, the rows below
    /// put right.
    void gather_rows(Place row, std::int64_t rows) const {
        const std::int64_t width = problem_.in_width, windows = problem_.out_width;
        for (; rows > 0; --rows, row.window += windows, row.cell += 2 * width) {
            if (overwrites && windows >= lanes) {
                for (std::int64_t x = 0; x + lanes < windows; x += lanes) {
                    fetch_ahead(row.right(x));
                    gather_vector(row.right(x), 2 * lanes);
                }
                fetch_ahead(row.right(windows - lanes));
                gather_vector(row.right(windows - lanes), 2 * lanes);
            } else if (overwrites && may_spill(row)) {
                gather_vector(row, width <= lanes ? lanes : 2 * lanes);
            } else {
                gather_row<true, true>(row);
                continue;
            }
            if (width > 2 * windows) write_last_zeros(row);
        }
    }

    /// Asks for cells that are searched later, the same distance behind those of these windows. The hardware's
    /// prefetchers lose sight of two rows that are read and two that are written.
    [[gnu::always_inline]] void fetch_ahead(const Place& at) const {
        if constexpr (rule == PoolRule::input) {
            if (!problem_.fetching) return;
            constexpr std::int64_t distance = 4096 / sizeof(T), line = 64 / sizeof(T);
            const T* const upper = tensors_.input + at.input() + distance;
            for (std::int64_t k = 0; k < 2 * lanes; k += line) {
                prefetch_to_l2(upper + k);
                prefetch_to_l2(upper + problem_.in_width + k);
            }
        }
    }

    /// A last column without a window.
    void write_last_zeros(const Place& row) const {
        T* const upper = tensors_.grad_input + row.input() + problem_.in_width - 1;
        upper[0] = upper[problem_.in_width] = 0;
    }

    bool may_spill(const Place& row) const {
        return row.input() + problem_.in_width + 2 * lanes <= end_ && row.window + lanes <= problem_.output_elements;
    }

    [[gnu::always_inline]] void gather_vector(const Place& at, std::int64_t left) const {
        gather_windows<true, true>(at, lanes, left);
    }

    /// One row of windows, and those of its two rows that the box has. A last column without a window takes part as
    /// half a window without gradient.
    template <bool upper, bool lower>
    [[gnu::noinline]] void gather_row(const Place& row) const {
        const std::int64_t width = problem_.in_width, windows = problem_.out_width;
        for (std::int64_t x = 0; 2 * x < width; x += lanes) {
            const int n = static_cast<int>(windows - x < lanes ? windows - x : lanes);
            fetch_ahead(row.right(x));
            gather_windows<upper, lower>(row.right(x), n, width - 2 * x);
        }
    }

    /// n windows; `left` elements of their rows are left.
    template <bool upper, bool lower>
    [[gnu::always_inline]] void gather_windows(const Place& at, int n, std::int64_t left) const {
        const vec<T> gradient = load_some(tensors_.grad_output + at.window, n);
        Pair above{}, below{};
        share(gradient, at, n, above, below);
        T* const to = tensors_.grad_input + at.input();
        if constexpr (upper) put(above, to, left);
        if constexpr (lower) put(below, to + problem_.in_width, left);
    }

    [[gnu::always_inline]] void share(vec<T> gradient, const Place& at, int n, Pair& above, Pair& below) const {
        if constexpr (rule == PoolRule::average) {
            const vec<T> part = vec<T>::zero() + gradient * vec<T>::broadcast(tensors_.reciprocals[0][0]);
            above = below = {part, part};
        } else {
            // Numbers of the cells: positions in the plane, or in the window.
            constexpr bool in_plane = rule == PoolRule::plane_indices;
            const std::int64_t row_step = in_plane ? problem_.in_width : 2;
            Index maximum = maximum_of(at, n);
            if constexpr (in_plane) maximum = maximum - (number(at.cell) + (Index::iota() + Index::iota()));
            const vec<T> value = vec<T>::zero() + gradient;
            const auto part = [&](std::int64_t cell) __attribute__((always_inline)) {
                return select(equal(maximum, number(cell)), value, vec<T>::zero());
            };
            above = {part(0), part(1)};
            below = {part(row_step), part(row_step + 1)};
        }
    }

    static Index number(std::int64_t n) { return Index::broadcast(static_cast<std::int32_t>(n)); }

    /// The number of each window's greatest cell.
    [[gnu::always_inline]] Index maximum_of(const Place& at, int n) const {
        if constexpr (rule == PoolRule::input) {
            const T* const upper = tensors_.input + at.input();
            const Pair above = load_pair(upper, 2 * n), below = load_pair(upper + problem_.in_width, 2 * n);
            BestCell<T> best{above.even, number(0)}, second{below.even, number(2)};
            best.take({above.odd, number(1)});
            second.take({below.odd, number(3)});
            best.take(second);
            return best.position;
        } else if constexpr (rule == PoolRule::plane_indices) {
            return load_index(tensors_.plane_indices + at.window, n);
        } else {
            return load_index(tensors_.window_offsets + at.window, n);
        }
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
    const bool aligned = StreamWriter<T>::serves(tensors.grad_input, problem.in_width);
    with_unbuffered_writer<T>(problem.accumulate, problem.streaming && aligned, [&](auto writer) {
        PairWindows<T, rule, typename decltype(writer)::type>(problem, tensors).gather(box);
    });
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
