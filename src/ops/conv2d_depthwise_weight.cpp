#include "ops/conv2d_depthwise_parts.hpp"

#include <algorithm>
#include <cmath>

namespace backgrad::ops {

namespace {

using kernels::DepthwiseSumKernels;
using plan::PixelBox;
using plan::Range;

/// Where values are not finite, zero padding would turn them into NaN: only the terms that exist, one by one.
template <class T>
void add_exactly(const plan::Conv2dProblem& p, const PixelBox& box, const DepthwiseRows<const T>& grad_output,
                 const DepthwiseRows<const T>& input, std::int64_t lanes, T* state) {
    for (std::int64_t tap = 0; tap < p.taps(); ++tap, state += lanes)
        for (std::int64_t y = box.row_begin; y < box.row_end; ++y)
            for (std::int64_t x = box.column_begin; x < box.column_end; ++x) {
                const std::int64_t row = p.input_row(y, tap / p.kernel_width);
                const std::int64_t column = p.input_column(x, tap % p.kernel_width);
                if (row < 0 || row >= p.in_height || column < 0 || column >= p.in_width) continue;
                const T *g = grad_output.at(y, x), *value = input.at(row, column);
                for (std::int64_t l = 0; l < lanes; ++l) state[l] = std::fma(g[l], value[l], state[l]);
            }
}

/// The tap rows of `taps` that exist for output row y.
Range existing_rows(const plan::Conv2dProblem& p, Range taps, std::int64_t y) {
    while (taps.begin < taps.end && p.input_row(y, taps.begin) < 0) ++taps.begin;
    while (taps.begin < taps.end && p.input_row(y, taps.end - 1) >= p.in_height) --taps.end;
    return taps;
}

template <class T>
void add_bias_rows(const Conv2dContext<T>& context, const DepthwiseRows<const T>& grad_output, Range rows,
                   const PixelBox& box, std::int64_t lanes, T* bias) {
    for (std::int64_t y = rows.begin; y < rows.end; ++y)
        context.kernels.pack->sum_columns(grad_output.at(y, box.column_begin), grad_output.pixel, box.columns(), lanes,
                                          bias);
}

/// The sums of some tap columns.
template <class T>
struct TapColumns {
    const Conv2dContext<T>& context;
    const PixelBox& box;
    const DepthwiseRows<const T>&grad_output, &input;
    std::int64_t lanes;
    Range columns;
    T* state;
    T* bias;  ///< null where the bias is not summed along

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
            else if (bias) add_bias_rows(context, grad_output, {y, end}, box, lanes, bias);
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
        const auto& table = *context.kernels.depthwise->sum;
        const auto function = (bias ? table.with_bias : table.function)[taps.size()][columns.size()];
        function(sums, state + (taps.begin * p.kernel_width + columns.begin) * lanes, p.kernel_width * lanes, bias);
    }
};

}  // namespace

template <class T>
void add_depthwise_bias(const Conv2dContext<T>& context, const PixelBox& box, const DepthwiseRows<const T>& grad_output,
                        std::int64_t lanes, T* bias) noexcept {
    add_bias_rows(context, grad_output, {box.row_begin, box.row_end}, box, lanes, bias);
}

template <class T>
void add_depthwise_weight(const Conv2dContext<T>& context, const PixelBox& box,
                          const DepthwiseRows<const T>& grad_output, const DepthwiseRows<const T>& input,
                          std::int64_t lanes, T* state, T* bias, T* spare) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    std::copy_n(state, p.taps() * lanes, spare);
    const auto& function = context.kernels.depthwise->sum->function;
    const std::int64_t column_parts = plan::ceil_div(p.kernel_width, DepthwiseSumKernels<T>::max_columns);
    for (std::int64_t i = 0; i < column_parts; ++i) {
        const Range columns = plan::share(p.kernel_width, column_parts, i);
        std::int64_t most = std::min<std::int64_t>(p.kernel_height, DepthwiseSumKernels<T>::max_rows);
        while (!function[most][columns.size()]) --most;
        const std::int64_t row_parts = plan::ceil_div(p.kernel_height, most);
        TapColumns<T> work{context, box, grad_output, input, lanes, columns, state, nullptr};
        for (std::int64_t j = 0; j < row_parts; ++j) {
            work.bias = i == 0 && j == 0 ? bias : nullptr;
            work.add(plan::share(p.kernel_height, row_parts, j));
        }
    }
    // The sum of values tells whether they are finite.
    if (context.kernels.depthwise->panel->all_finite(bias, lanes)) return;
    std::copy_n(spare, p.taps() * lanes, state);
    add_exactly(p, box, grad_output, input, lanes, state);
}

template void add_depthwise_bias<float>(const Conv2dContext<float>&, const PixelBox&, const DepthwiseRows<const float>&,
                                        std::int64_t, float*) noexcept;
template void add_depthwise_bias<double>(const Conv2dContext<double>&, const PixelBox&,
                                         const DepthwiseRows<const double>&, std::int64_t, double*) noexcept;
template void add_depthwise_weight<float>(const Conv2dContext<float>&, const PixelBox&,
                                          const DepthwiseRows<const float>&, const DepthwiseRows<const float>&,
                                          std::int64_t, float*, float*, float*) noexcept;
template void add_depthwise_weight<double>(const Conv2dContext<double>&, const PixelBox&,
                                           const DepthwiseRows<const double>&, const DepthwiseRows<const double>&,
                                           std::int64_t, double*, double*, double*) noexcept;

}  // namespace backgrad::ops
