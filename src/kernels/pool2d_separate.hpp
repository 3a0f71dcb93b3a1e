#pragma once

#include "kernels/channel_vectors.hpp"
#include "kernels/pool2d_best.hpp"
#include "kernels/pool2d_cells.hpp"
#include "kernels/span_writer.hpp"
#include "kernels/unrolled.hpp"

#include <type_traits>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// NHWC, from the input, windows that do not meet: a window's cells are read once to find its maximum, which stays in
/// registers until all of them are written. Lanes are channels.
template <class T, class Writer, bool fetching>
class SeparateWindows {
public:
    SeparateWindows(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors), writer_(problem.accumulate, problem.streaming) {}

    void gather(const kernels::Pool2dBox& box) {
        channel_begin_ = box.channel_begin;
        channel_end_ = box.channel_end;
        for (image_ = box.batch_begin; image_ < box.batch_end; ++image_) {
            for (std::int64_t row = box.row_begin; row < box.row_end;) {
                const Run rows = run_from(problem_.rows, row, box.row_end);
                for (std::int64_t column = 0; column < problem_.in_width;) {
                    const Run columns = run_from(problem_.columns, column, problem_.in_width);
                    put(rows, columns);
                    column = columns.end;
                }
                row = rows.end;
            }
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    using Index = index_vec<T>;

    /// Rows (or columns) of the input in the same window, -1 for none.
    struct Run {
        std::int64_t begin, end, window;
        std::int64_t size() const { return end - begin; }
    };

    static std::int64_t window_of(const kernels::Covers& covers, std::int64_t k) {
        return covers.first[k] < covers.first[k + 1] ? covers.windows[covers.first[k]] : -1;
    }

    static Run run_from(const kernels::Covers& covers, std::int64_t begin, std::int64_t limit) {
        Run run{begin, begin + 1, window_of(covers, begin)};
        while (run.end < limit && window_of(covers, run.end) == run.window) ++run.end;
        return run;
    }

    /// A window's cells: all of them are searched, and the rows of this box written.
    struct Cells {
        const T* input;
        const T* gradients;
        T* to;
        std::int64_t rows, columns;
        std::int64_t written_rows;
        std::int32_t first_written;  ///< number of the first cell that is written
        std::int64_t row_step, column_step;
        std::int64_t ahead;  ///< from a cell to the one that is fetched for later
    };

    void put(const Run& rows, const Run& columns) {
        Cells cells{};
        cells.row_step = problem_.in_width * problem_.channels;
        cells.column_step = problem_.channels;
        cells.columns = columns.size();
        cells.written_rows = rows.size();
        cells.to = tensors_.grad_input + pixel(rows.begin, columns.begin);
        if (rows.window < 0 || columns.window < 0) {
            return for_channels<T>(channel_begin_, channel_end_,
                                   [&](auto vectors, std::int64_t c, int n) { write_zeros<vectors>(cells, c, n); });
        }
        // The box may have only some of the window's rows.
        const CellRange all_rows = rows_of_window(problem_, rows.window);
        cells.rows = all_rows.count();
        cells.ahead = cells.rows * cells.row_step;
        cells.first_written = static_cast<std::int32_t>((rows.begin - all_rows.first) * columns.size());
        cells.input = tensors_.input + pixel(all_rows.first, columns.begin);
        const std::int64_t window = (image_ * problem_.out_height + rows.window) * problem_.out_width + columns.window;
        cells.gradients = tensors_.grad_output + window * problem_.channels;
        if (cells.rows == 2 && cells.columns == 2) {
            for_channels<T>(channel_begin_, channel_end_,
                            [&](auto vectors, std::int64_t c, int n) { put_channels<vectors, 2>(cells, c, n); });
        } else {
            for_channels<T>(channel_begin_, channel_end_,
                            [&](auto vectors, std::int64_t c, int n) { put_channels<vectors, 0>(cells, c, n); });
        }
    }

    std::int64_t pixel(std::int64_t row, std::int64_t column) const {
        return ((image_ * problem_.in_height + row) * problem_.in_width + column) * problem_.channels;
    }

    template <int vectors>
    [[gnu::always_inline]] static void write_zeros(const Cells& cells, std::int64_t c, int n) {
        for (std::int64_t row = 0; row < cells.written_rows; ++row) {
            T* to = cells.to + row * cells.row_step + c;
            for (std::int64_t column = 0; column < cells.columns; ++column, to += cells.column_step) {
                unrolled<vectors>([&](auto v) { write_channels<Writer, vectors>(to + v * lanes, vec<T>::zero(), n); });
            }
        }
    }

    /// `fixed`: rows and columns of the window if the compiler may know them. Where a cell is not finite, it is
    /// searched again with care for NaN.
    template <int vectors, int fixed>
    [[gnu::always_inline]] static void put_channels(const Cells& cells, std::int64_t c, int n) {
        const std::int64_t columns = fixed > 0 ? fixed : cells.columns;
        const Index one = Index::broadcast(1);
        Index number = Index::broadcast(0);
        BestCell<T> best[vectors];
        if (!search<true, vectors, fixed>(cells, c, n, best)) search<false, vectors, fixed>(cells, c, n, best);
        vec<T> gradients[vectors];
        unrolled<vectors>([&](auto v) { gradients[v] = load_channels<vectors>(cells.gradients + c + v * lanes, n); });
        number = Index::broadcast(cells.first_written);
        for (std::int64_t row = 0; row < cells.written_rows; ++row) {
            T* to = cells.to + row * cells.row_step + c;
            for (std::int64_t column = 0; column < columns; ++column, to += cells.column_step) {
                unrolled<vectors>([&](auto v) {
                    const auto hit = equal(best[v].position, number);
                    fetch_written(to + cells.ahead + v * lanes);
                    write_channels<Writer, vectors>(to + v * lanes, add_where(hit, vec<T>::zero(), gradients[v]), n);
                });
                number = number + one;
            }
        }
    }

    /// Returns whether all cells are finite; `ordered` trusts that none is a NaN.
    template <bool ordered, int vectors, int fixed>
    [[gnu::always_inline]] static bool search(const Cells& cells, std::int64_t c, int n, BestCell<T> (&best)[vectors]) {
        const std::int64_t rows = fixed > 0 ? fixed : cells.rows, columns = fixed > 0 ? fixed : cells.columns;
        const Index one = Index::broadcast(1);
        Index number = Index::broadcast(0);
        FiniteCheck<T> check[vectors];
        unrolled<vectors>([&](auto v) {
            best[v] = {load_channels<vectors>(cells.input + c + v * lanes, n), number};
            check[v].look_at(best[v].value);
            if constexpr (ordered) fetch(cells.input + cells.ahead + c + v * lanes);
        });
        for (std::int64_t row = 0; row < rows; ++row) {
            for (std::int64_t column = row == 0 ? 1 : 0; column < columns; ++column) {
                const T* const from = cells.input + row * cells.row_step + column * cells.column_step + c;
                number = number + one;
                unrolled<vectors>([&](auto v) {
                    if constexpr (ordered) fetch(from + cells.ahead + v * lanes);
                    const BestCell<T> cell{load_channels<vectors>(from + v * lanes, n), number};
                    best[v].template take<ordered>(cell);
                    if constexpr (ordered) check[v].look_at(cell.value);
                });
            }
        }
        return FiniteCheck<T>::passed(check);
    }

    /// What comes from memory or a far cache is asked for a row of windows ahead; what comes from a near one is there
    /// in time.
    [[gnu::always_inline]] static void fetch(const T* p) {
        if constexpr (fetching || std::is_same_v<Writer, StreamWriter<T>>) prefetch_to_l2(p);
    }
    [[gnu::always_inline]] static void fetch_written(T* p) {
        if constexpr (fetching) prefetch_to_write(p);
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    std::int64_t image_ = 0, channel_begin_ = 0, channel_end_ = 0;
    Writer writer_;  ///< finishes its stores when it is destroyed
};

template <class T>
void gather_separate(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                     const kernels::Pool2dBox& box) {
    if (problem.accumulate) return SeparateWindows<T, AddingWriter<T>, false>(problem, tensors).gather(box);
    const bool aligned =
        StreamWriter<T>::serves(tensors.grad_input, problem.channels, box.channel_begin, box.channel_end);
    if (problem.streaming && aligned) return SeparateWindows<T, StreamWriter<T>, false>(problem, tensors).gather(box);
    if (problem.fetching) return SeparateWindows<T, DirectWriter<T>, true>(problem, tensors).gather(box);
    SeparateWindows<T, DirectWriter<T>, false>(problem, tensors).gather(box);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
