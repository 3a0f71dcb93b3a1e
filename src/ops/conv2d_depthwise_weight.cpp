#include "ops/conv2d_depthwise_parts.hpp"

#include <algorithm>
#include <cmath>

namespace backgrad::ops {

namespace {

using kernels::DepthwiseSumKernels;
using kernels::GroupSumKernels;
using plan::Conv2dDepthwisePlan;
using plan::PixelBox;
using plan::Range;

/// Where values are not finite, zero padding would turn them into NaN: only the terms that exist, one by one.
template <class T>
void add_exactly(const plan::Conv2dProblem& p, const Conv2dDepthwisePlan& plan, const PixelBox& box,
                 const DepthwiseRows<const T>& grad_output, const DepthwiseRows<const T>& input, T* state) {
    const std::int64_t unit = plan.unit_channels, group = plan.group_channels;
    for (std::int64_t tap = 0; tap < p.taps(); ++tap, state += group * unit)
        for (std::int64_t y = box.row_begin; y < box.row_end; ++y)
            for (std::int64_t x = box.column_begin; x < box.column_end; ++x) {
                const std::int64_t row = p.input_row(y, tap / p.kernel_width);
                const std::int64_t column = p.input_column(x, tap % p.kernel_width);
                if (row < 0 || row >= p.in_height || column < 0 || column >= p.in_width) continue;
                const T *g = grad_output.at(y, x), *value = input.at(row, column);
                for (std::int64_t i = 0; i < group; ++i)
                    for (std::int64_t l = 0; l < unit; ++l) {
                        T& sum = state[i * unit + l];
                        sum = std::fma(g[l - l % group + i], value[l], sum);
                    }
            }
}

/// The tap rows of `taps` that exist for output row y.
Range existing_rows(const plan::Conv2dProblem& p, Range taps, std::int64_t y) {
    while (taps.begin < taps.end && p.input_row(y, taps.begin) < 0) ++taps.begin;
    while (taps.begin < taps.end && p.input_row(y, taps.end - 1) >= p.in_height) --taps.end;
    return taps;
}

template <class T>
void add_bias_rows(const Conv2dContext<T>& context, const Conv2dDepthwisePlan& plan,
                   const DepthwiseRows<const T>& grad_output, Range rows, const PixelBox& box, T* bias) {
    for (std::int64_t y = rows.begin; y < rows.end; ++y)
        context.kernels.pack->sum_columns(grad_output.at(y, box.column_begin), grad_output.pixel, box.columns(),
                                          plan.unit_channels, bias);
}

/// Channels of grad_output that the kernels take at once.
template <class T>
std::int64_t group_channels_at_once(const Conv2dDepthwisePlan& plan) {
    return plan.group_channels == GroupSumKernels<T>::few ? GroupSumKernels<T>::few : GroupSumKernels<T>::many;
}

template <class T>
const typename GroupSumKernels<T>::Table& group_sum_table(const Conv2dContext<T>& context,
                                                          const Conv2dDepthwisePlan& plan) {
    const GroupSumKernels<T>& kernels = *context.kernels.depthwise->group_sum;
    const bool few = plan.group_channels == GroupSumKernels<T>::few;
    if (plan.groups_share_vector()) return few ? kernels.few_shared : kernels.many_shared;
    return few ? kernels.few_filled : kernels.many_filled;
}

/// The sums of some tap columns.
template <class T>
struct TapColumns {
    const Conv2dContext<T>& context;
    const Conv2dDepthwisePlan& plan;
    const PixelBox& box;
    const DepthwiseRows<const T>&grad_output, &input;
    Range columns;
    T* state;
    T* bias;  ///< null where the bias is not summed along
    kernels::PrefetchQueue<T>* prefetch;

    /// Some tap rows: rows of output for which the same ones exist go together.
    void add(Range taps) const {
        const plan::Conv2dProblem& p = context.problem;
        for (std::int64_t y = box.row_begin; y < box.row_end;) {
            const Range existing = existing_rows(p, taps, y);
            std::int64_t end = y + 1;
            while (end < box.row_end) {
                const Range next = existing_rows(p, taps, end);
                if (next.begin != existing.begin || next.end != existing.end) break;
                ++end;
            }
            if (existing.size() > 0) add_rows(existing, {y, end});
            else if (bias) add_bias_rows(context, plan, grad_output, {y, end}, box, bias);
            y = end;
        }
    }

private:
    void add_rows(Range taps, Range rows) const {
        const plan::Conv2dProblem& p = context.problem;
        const std::int64_t first = columns.begin * p.dilation_width - p.padding_left;
        const std::int64_t last = (columns.end - 1) * p.dilation_width - p.padding_left;
        const std::int64_t begin = box.column_begin, end = box.column_end;
        const std::int64_t inner_begin =
            std::clamp(plan::valid_outputs(p.out_width, p.in_width, p.stride_width, first).begin, begin, end);
        const std::int64_t inner_end =
            std::clamp(plan::valid_outputs(p.out_width, p.in_width, p.stride_width, last).end, inner_begin, end);
        const kernels::DepthwiseSums<T> sums{grad_output.at(rows.begin, 0),
                                             grad_output.row,
                                             grad_output.pixel,
                                             input.at(p.input_row(rows.begin, taps.begin), 0),
                                             p.stride_height * input.row,
                                             p.dilation_height * input.row,
                                             {input.pixel, p.in_width, first, p.stride_width, p.dilation_width},
                                             rows.size(),
                                             begin,
                                             end,
                                             inner_begin,
                                             inner_end};
        if (plan.group_channels > 1) return add_groups(sums, taps);
        const auto& table = *context.kernels.depthwise->sum;
        const auto function = (bias ? table.with_bias : table.function)[taps.size()][columns.size()];
        const std::int64_t unit = plan.unit_channels;
        function(sums, state + (taps.begin * p.kernel_width + columns.begin) * unit, p.kernel_width * unit, bias);
    }

    /// The same for narrow groups: every channel of grad_output in a group, for every vector of the unit.
    void add_groups(const kernels::DepthwiseSums<T>& sums, Range taps) const {
        const std::int64_t unit = plan.unit_channels, group = plan.group_channels;
        const std::int64_t tap = group * unit, row = context.problem.kernel_width * tap;
        const std::int64_t channels = group_channels_at_once<T>(plan);
        const auto& functions = group_sum_table(context, plan)[taps.size()][columns.size()];
        for (std::int64_t v = 0; v < plan.vectors(); ++v)
            for (std::int64_t i = 0; i < group; i += channels) {
                const std::int64_t skipped = plan.groups_share_vector() ? 0 : i;
                kernels::GroupSums<T> work{sums, group, i, v * plan.lanes - skipped, row, tap, unit, prefetch};
                work.taps.grad_output += skipped;
                work.taps.input += v * plan.lanes;
                T* at = state + taps.begin * row + columns.begin * tap + i * unit + v * plan.lanes;
                const bool with_bias = bias && i == 0;
                functions[with_bias](work, at, with_bias ? bias + v * plan.lanes : nullptr);
            }
    }
};

/// The most tap columns and, beside so many, tap rows that the kernels take at once.
template <class T>
std::int64_t most_columns(const Conv2dDepthwisePlan& plan) {
    return plan.group_channels > 1 ? GroupSumKernels<T>::max_columns : DepthwiseSumKernels<T>::max_columns;
}

template <class T>
std::int64_t most_rows(const Conv2dContext<T>& context, const Conv2dDepthwisePlan& plan, std::int64_t columns) {
    const bool groups = plan.group_channels > 1;
    const auto fits = [&](std::int64_t rows) {
        return groups ? group_sum_table(context, plan)[rows][columns][0] != nullptr
                      : context.kernels.depthwise->sum->function[rows][columns] != nullptr;
    };
    std::int64_t rows = groups ? GroupSumKernels<T>::max_rows : DepthwiseSumKernels<T>::max_rows;
    while (!fits(rows)) --rows;
    return rows;
}

}  // namespace

template <class T>
void add_depthwise_bias(const Conv2dContext<T>& context, const Conv2dDepthwisePlan& plan, const PixelBox& box,
                        const DepthwiseRows<const T>& grad_output, T* bias) noexcept {
    add_bias_rows(context, plan, grad_output, {box.row_begin, box.row_end}, box, bias);
}

template <class T>
void add_depthwise_weight(const Conv2dContext<T>& context, const Conv2dDepthwisePlan& plan, const PixelBox& box,
                          const DepthwiseRows<const T>& grad_output, const DepthwiseRows<const T>& input, T* state,
                          T* bias, T* spare, kernels::PrefetchQueue<T>* prefetch) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    std::copy_n(state, plan.weight_elements, spare);
    const std::int64_t column_parts = plan::ceil_div(p.kernel_width, most_columns<T>(plan));
    for (std::int64_t i = 0; i < column_parts; ++i) {
        const Range columns = plan::share(p.kernel_width, column_parts, i);
        const std::int64_t row_parts = plan::ceil_div(p.kernel_height, most_rows(context, plan, columns.size()));
        TapColumns<T> work{context, plan, box, grad_output, input, columns, state, nullptr, prefetch};
        for (std::int64_t j = 0; j < row_parts; ++j) {
            work.bias = i == 0 && j == 0 ? bias : nullptr;
            work.add(plan::share(p.kernel_height, row_parts, j));
        }
    }
    // The sum of values tells whether they are finite.
    if (context.kernels.depthwise->panel->all_finite(bias, plan.unit_channels)) return;
    std::copy_n(spare, plan.weight_elements, state);
    add_exactly(p, plan, box, grad_output, input, state);
}

template void add_depthwise_bias<float>(const Conv2dContext<float>&, const Conv2dDepthwisePlan&, const PixelBox&,
                                        const DepthwiseRows<const float>&, float*) noexcept;
template void add_depthwise_weight<float>(const Conv2dContext<float>&, const Conv2dDepthwisePlan&, const PixelBox&,
                                          const DepthwiseRows<const float>&, const DepthwiseRows<const float>&, float*,
                                          float*, float*, kernels::PrefetchQueue<float>*) noexcept;
template void add_depthwise_bias<double>(const Conv2dContext<double>&, const Conv2dDepthwisePlan&, const PixelBox&,
                                         const DepthwiseRows<const double>&, double*) noexcept;
template void add_depthwise_weight<double>(const Conv2dContext<double>&, const Conv2dDepthwisePlan&, const PixelBox&,
                                           const DepthwiseRows<const double>&, const DepthwiseRows<const double>&,
                                           double*, double*, double*, kernels::PrefetchQueue<double>*) noexcept;

}  // namespace backgrad::ops
