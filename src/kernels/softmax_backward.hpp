#pragma once

#include "kernels/softmax_kernels.hpp"
#include "kernels/softmax_row.hpp"
#include "kernels/span_writer.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// y, whichever of x and y the source is.
template <class T, class Row, bool from_logits>
class Probability {
public:
    Probability(const Row& row, const T* source) : row_(row), source_(source), statistics_(row, source) {}
    typename Row::Value operator()(std::int64_t step) const {
        return statistics_.probability(row_.load(source_, step, -std::numeric_limits<T>::infinity()));
    }

private:
    const Row& row_;
    const T* source_;
    SoftmaxStatistics<T, Row> statistics_;
};

template <class T, class Row>
class Probability<T, Row, false> {
public:
    Probability(const Row& row, const T* source) : row_(row), source_(source) {}
    typename Row::Value operator()(std::int64_t step) const { return row_.load(source_, step, T(0)); }

private:
    const Row& row_;
    const T* source_;
};

/// grad_input = y (g - sum of g y). Calls put(step, value) for every step.
template <bool from_logits, class T, class Row, class Put>
void softmax_rows(const Row& row, const T* source, const T* grad_output, const Put& put) {
    using Value = typename Row::Value;
    const Probability<T, Row, from_logits> probability(row, source);
    Value dot = transform(Value{}, [](vec<T>, unsigned) { return vec<T>::zero(); });
    for (std::int64_t step = 0; step < row.steps(); ++step) {
        const Value y = probability(step), g = row.load(grad_output, step, T(0));
        dot = transform(dot, [&](vec<T> d, unsigned v) { return fma(g.part[v], y.part[v], d); });
    }
    dot = Row::sum(dot);
    for (std::int64_t step = 0; step < row.steps(); ++step) {
        const Value y = probability(step), g = row.load(grad_output, step, T(0));
        put(step, transform(y, [&](vec<T> p, unsigned v) { return p * (g.part[v] - dot.part[v]); }));
    }
}

/// Writes one row of consecutive elements.
template <class T>
auto put_consecutive(const ConsecutiveRow<T>& row, SpanWriter<T>& writer) {
    return [&row, &writer](std::int64_t step, const typename ConsecutiveRow<T>::Value& value) {
        for (int v = 0; v < ConsecutiveRow<T>::vectors; ++v) {
            const int n = row.count(step * ConsecutiveRow<T>::chains + v * vec<T>::lanes);
            if (n > 0) writer.put(value.part[v], n);
        }
    };
}

/// Writes one element of each of `rows` rows that lie side by side.
template <class T>
auto put_side_by_side(T* to, std::int64_t inner, int rows, bool accumulate) {
    return [=](std::int64_t step, const typename RowsSideBySide<T>::Value& value) {
        T* const p = to + step * inner;
        vec<T> result = value.part[0];
        if (rows == vec<T>::lanes) {
            if (accumulate) result = vec<T>::load(p) + result;
            result.store(p);
        } else {
            if (accumulate) result = vec<T>::load_first(p, rows) + result;
            result.store_first(p, rows);
        }
    };
}

/// Calls consecutive(row number) or side_by_side(outer, first inner, rows) for the units [begin, end).
template <class T, class Consecutive, class SideBySide>
void for_each_unit(const kernels::SoftmaxProblem<T>& problem, std::int64_t begin, std::int64_t end,
                   const Consecutive& consecutive, const SideBySide& side_by_side) {
    if (problem.inner == 1) {
        for (std::int64_t row = begin; row < end; ++row) consecutive(row);
        return;
    }
    const std::int64_t units = (problem.inner + kernels::softmax_unit - 1) / kernels::softmax_unit;
    for (std::int64_t unit = begin; unit < end; ++unit) {
        const std::int64_t outer = unit / units, first = unit % units * kernels::softmax_unit;
        const std::int64_t last =
            first + kernels::softmax_unit < problem.inner ? first + kernels::softmax_unit : problem.inner;
        for (std::int64_t i = first; i < last; i += vec<T>::lanes) {
            side_by_side(outer, i, last - i < vec<T>::lanes ? static_cast<int>(last - i) : vec<T>::lanes);
        }
    }
}

template <class T, bool from_logits>
void run_softmax(const kernels::SoftmaxProblem<T>& problem, const kernels::SoftmaxTensors<T>& tensors,
                 std::int64_t begin, std::int64_t end) {
    SpanWriter<T> writer(problem.accumulate, problem.streaming);
    for_each_unit(
        problem, begin, end,
        [&](std::int64_t number) {
            const ConsecutiveRow<T> row(problem.length);
            const std::int64_t at = number * problem.length;
            writer.seek(tensors.grad_input + at);
            softmax_rows<from_logits>(row, tensors.source + at, tensors.grad_output + at, put_consecutive(row, writer));
        },
        [&](std::int64_t outer, std::int64_t i, int rows) {
            const RowsSideBySide<T> row(problem.length, problem.inner, rows);
            const std::int64_t at = outer * problem.length * problem.inner + i;
            softmax_rows<from_logits>(
                row, tensors.source + at, tensors.grad_output + at,
                put_side_by_side(tensors.grad_input + at, problem.inner, rows, problem.accumulate));
        });
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
