#include "ops/conv2d_depthwise_parts.hpp"

#include <algorithm>
#include <cmath>

namespace backgrad::ops {

namespace {

using kernels::depthwise_unit;
using kernels::DepthwiseSumKernels;
using plan::DepthwiseStrip;
using plan::Range;

/// Where values are not finite, zero padding would turn them into NaN: only the terms that exist, one by one.
template <class T>
void add_exactly(const Conv2dContext<T>& context, const DepthwiseStrip& strip, Range channels,
                 const DepthwisePanel<T>& grad_output, T* state) {
    const plan::Conv2dProblem& p = context.problem;
    const TensorView<const T> input = context.input(0);
    const bool pixels = p.layout == Layout::nchw;
    for (std::int64_t tap = 0; tap < p.taps(); ++tap, state += depthwise_unit<T>)
        for (std::int64_t y = strip.rows.begin; y < strip.rows.end; ++y)
            for (std::int64_t x = strip.columns.begin; x < strip.columns.end; ++x) {
                const std::int64_t row = p.input_row(y, tap / p.kernel_width);
                const std::int64_t column = p.input_column(x, tap % p.kernel_width);
                if (row < 0 || row >= p.in_height || column < 0 || column >= p.in_width) continue;
                const T* from = input.at(strip.image, channels.begin, row, column);
                T* sum = state + (pixels ? (x - strip.columns.begin) % depthwise_unit<T> : 0);
                for (std::int64_t l = 0; l < channels.size(); ++l)
                    sum[l] = std::fma(grad_output.at(y, x)[l], from[l], sum[l]);
            }
}

/// The input panel, its columns split into phases where lanes are pixels and the stride is not 1.
template <class T>
struct InputPanel {
    const T* data;
    std::int64_t row, phase_row;  ///< phase_row is 0 where there are no phases

    std::ptrdiff_t tap_column(const plan::Conv2dProblem& p, std::int64_t c) const {
        const std::int64_t column = c * p.dilation_width;
        if (phase_row > 0) return column % p.stride_width * phase_row + column / p.stride_width;
        return column * (p.layout == Layout::nchw ? 1 : depthwise_unit<T>);
    }
};

template <class T>
InputPanel<T> read_input(const Conv2dContext<T>& context, const DepthwiseStrip& strip, Range channels,
                         const DepthwiseMemory<T>& memory) {
    const plan::Conv2dProblem& p = context.problem;
    plan::DepthwiseWindow window = plan::depthwise_input(p, strip);
    const bool phases = p.layout == Layout::nchw && p.stride_width > 1;
    if (phases) window.columns.end = window.columns.begin + plan::round_up(window.columns.size(), p.stride_width);
    const DepthwisePanel<T> panel = read_panel(context, context.input(0), p.in_height, p.in_width, strip.image,
                                               channels, window, phases ? memory.split : memory.input);
    if (!phases) return {panel.data, panel.row, 0};
    const std::int64_t phase_row = window.columns.size() / p.stride_width;
    context.kernels.depthwise->panel->split(panel.data, panel.row, window.rows.size(), p.stride_width, phase_row,
                                            memory.input);
    return {memory.input, panel.row, phase_row};
}

}  // namespace

template <class T>
void add_depthwise_weight(const Conv2dContext<T>& context, const DepthwiseStrip& strip, Range channels,
                          const DepthwisePanel<T>& grad_output, bool finite, const DepthwiseMemory<T>& memory,
                          T* state) noexcept {
    if (!finite) return add_exactly(context, strip, channels, grad_output, state);
    const plan::Conv2dProblem& p = context.problem;
    constexpr std::int64_t unit = depthwise_unit<T>;
    constexpr int most = DepthwiseSumKernels<T>::max_columns;
    const auto& kernels = context.kernels.depthwise->sum->function;
    const bool pixels = p.layout == Layout::nchw;
    const InputPanel<T> input = read_input(context, strip, channels, memory);
    const std::int64_t lanes = context.kernels.tile->lanes, columns = strip.columns.size();
    kernels::DepthwiseSums<T> sums{};
    sums.grad_output_row = grad_output.row;
    sums.grad_output_step = pixels ? unit : grad_output.pixel;
    sums.input_row = p.stride_height * input.row;
    sums.input_step = pixels ? unit : p.stride_width * unit;
    sums.tap_row = p.dilation_height * input.row;
    sums.rows = strip.rows.size();

    const std::int64_t column_parts = plan::ceil_div(p.kernel_width, most);
    for (std::int64_t part = 0; part < column_parts; ++part) {
        const Range taps = plan::share(p.kernel_width, column_parts, part);
        std::ptrdiff_t tap_columns[most];
        for (std::int64_t c = 0; c < taps.size(); ++c) tap_columns[c] = input.tap_column(p, taps.begin + c);
        sums.tap_columns = tap_columns;
        std::int64_t limit = std::min<std::int64_t>(p.kernel_height, DepthwiseSumKernels<T>::max_rows);
        while (!kernels[limit][taps.size()]) --limit;
        const std::int64_t row_parts = plan::ceil_div(p.kernel_height, limit);
        for (std::int64_t i = 0; i < row_parts; ++i) {
            const Range rows = plan::share(p.kernel_height, row_parts, i);
            for (std::int64_t first = 0; first < unit; first += lanes) {
                const std::int64_t left = columns - first;
                if (pixels) {
                    sums.steps = left >= lanes ? (left - lanes) / unit + 1 : 0;
                    sums.tail = static_cast<int>(std::clamp<std::int64_t>(left - sums.steps * unit, 0, lanes));
                } else {
                    sums.steps = columns;
                }
                sums.grad_output = grad_output.at(strip.rows.begin, strip.columns.begin) + first;
                sums.input = input.data + rows.begin * sums.tap_row + first;
                kernels[rows.size()][taps.size()](
                    sums, state + (rows.begin * p.kernel_width + taps.begin) * unit + first, p.kernel_width * unit);
            }
        }
    }
}

template void add_depthwise_weight<float>(const Conv2dContext<float>&, const DepthwiseStrip&, Range,
                                          const DepthwisePanel<float>&, bool, const DepthwiseMemory<float>&,
                                          float*) noexcept;
template void add_depthwise_weight<double>(const Conv2dContext<double>&, const DepthwiseStrip&, Range,
                                           const DepthwisePanel<double>&, bool, const DepthwiseMemory<double>&,
                                           double*) noexcept;

}  // namespace backgrad::ops
