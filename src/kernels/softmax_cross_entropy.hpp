#pragma once

#include "kernels/softmax_backward.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// One row of consecutive elements and its label.
template <class T>
void cross_entropy_row(const kernels::SoftmaxProblem<T>& problem, const T* logits, std::int64_t label,
                       SpanWriter<T>& writer) {
    using Row = ConsecutiveRow<T>;
    const Row row(problem.length);
    const auto put = put_consecutive(row, writer);
    const vec<T> scale = vec<T>::broadcast(problem.scale);
    if (label < 0 || label >= problem.length) {
        const auto nothing = transform(typename Row::Value{}, [](vec<T>, unsigned) { return vec<T>::zero(); });
        for (std::int64_t step = 0; step < row.steps(); ++step) put(step, nothing);
        return;
    }
    const Probability<T, Row, true> probability(row, logits);
    for (std::int64_t step = 0; step < row.steps(); ++step) {
        T target[Row::chains] = {};
        const bool holds_label = label / Row::chains == step;
        if (holds_label) target[label % Row::chains] = 1;
        put(step, transform(probability(step), [&](vec<T> p, unsigned v) {
                return (holds_label ? p - vec<T>::load(target + v * vec<T>::lanes) : p) * scale;
            }));
    }
}

/// Rows that lie side by side, each with its label.
template <class T>
void cross_entropy_rows(const kernels::SoftmaxProblem<T>& problem, const T* logits, const std::int64_t* labels,
                        int rows, T* to) {
    using Row = RowsSideBySide<T>;
    using Index = index_vec<T>;
    constexpr int lanes = vec<T>::lanes;
    const Row row(problem.length, problem.inner, rows);
    const auto put = put_side_by_side(to, problem.inner, rows, problem.accumulate);
    std::int32_t known[lanes];
    for (int l = 0; l < lanes; ++l) {
        const bool is_class = l < rows && 0 <= labels[l] && labels[l] < problem.length;
        known[l] = is_class ? static_cast<std::int32_t>(labels[l]) : -1;
    }
    const Index label = Index::load(known);
    const vec<T> scale = vec<T>::broadcast(problem.scale), one = vec<T>::broadcast(T(1));
    const Probability<T, Row, true> probability(row, logits);
    for (std::int64_t step = 0; step < row.steps(); ++step) {
        const auto is_label = equal(label, Index::broadcast(static_cast<std::int32_t>(step)));
        put(step, transform(probability(step), [&](vec<T> p, unsigned) {
                return select(negative(label), vec<T>::zero(), (p - select(is_label, one, vec<T>::zero())) * scale);
            }));
    }
}

template <class T>
void run_cross_entropy(const kernels::SoftmaxProblem<T>& problem, const kernels::SoftmaxTensors<T>& tensors,
                       std::int64_t begin, std::int64_t end) {
    SpanWriter<T> writer(problem.accumulate, problem.streaming);
    for_each_unit(
        problem, begin, end,
        [&](std::int64_t number) {
            const std::int64_t at = number * problem.length;
            writer.seek(tensors.grad_input + at);
            cross_entropy_row(problem, tensors.source + at, tensors.labels[number], writer);
        },
        [&](std::int64_t outer, std::int64_t i, int rows) {
            const std::int64_t at = outer * problem.length * problem.inner + i;
            cross_entropy_rows(problem, tensors.source + at, tensors.labels + outer * problem.inner + i, rows,
                               tensors.grad_input + at);
        });
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
