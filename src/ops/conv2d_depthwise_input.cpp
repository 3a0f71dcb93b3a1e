#include "ops/conv2d_depthwise_parts.hpp"

#include <algorithm>
#include <cmath>

namespace backgrad::ops {

namespace {

using kernels::depthwise_unit;
using kernels::DepthwiseTileKernels;
using plan::DepthwiseTaps;
using plan::DepthwiseWindow;
using plan::Range;

/// Where a weight is not finite, zero padding would turn it into NaN: only the terms that exist, one by one.
template <class T>
void write_exactly(const Conv2dContext<T>& context, std::int64_t image, const DepthwiseWindow& window, Range channels,
                   const DepthwisePanel<T>& grad_output, const T* weights, WriteMode mode) {
    const plan::Conv2dProblem& p = context.problem;
    const TensorView<T> grad_input = context.grad_input(0);
    const std::int64_t unit = grad_output.pixel;
    for (std::int64_t y = window.rows.begin; y < window.rows.end; ++y)
        for (std::int64_t x = window.columns.begin; x < window.columns.end; ++x)
            for (std::int64_t l = 0; l < channels.size(); ++l) {
                T sum = 0;
                for (std::int64_t tap = 0; tap < p.taps(); ++tap) {
                    const std::int64_t up = y + p.padding_top - tap / p.kernel_width * p.dilation_height;
                    const std::int64_t left = x + p.padding_left - tap % p.kernel_width * p.dilation_width;
                    if (up < 0 || up % p.stride_height != 0 || up / p.stride_height >= p.out_height) continue;
                    if (left < 0 || left % p.stride_width != 0 || left / p.stride_width >= p.out_width) continue;
                    sum = std::fma(weights[tap * unit + l],
                                   grad_output.at(up / p.stride_height, left / p.stride_width)[l], sum);
                }
                T* to = grad_input.at(image, channels.begin + l, y, x);
                *to = mode == WriteMode::accumulate ? *to + sum : sum;
            }
}

/// One unit's grad_input in a window, before it is written: [row][column phase][column][unit].
template <class T>
struct Target {
    T* data;
    std::int64_t row, phase_row;
};

/// One class of rows and one class of columns, which see the same taps.
template <class T>
struct ClassWork {
    const Conv2dContext<T>& context;
    const DepthwisePanel<T>& grad_output;
    const T* weights;
    DepthwiseTaps rows, columns;
    std::int64_t row_count, column_count;
    T* output;
    std::int64_t output_row;

    void clear() const {
        for (std::int64_t y = 0; y < row_count; ++y)
            context.kernels.pack->clear(output + y * output_row, column_count * grad_output.pixel);
    }

    void compute() const {
        const std::int64_t lanes = context.kernels.tile->lanes, unit = grad_output.pixel;
        const bool pixels = unit == 1;
        const auto& table = pixels ? context.kernels.depthwise->tile->scalar_weights
                                   : context.kernels.depthwise->tile->vector_weights;
        const std::int64_t vectors = pixels ? plan::ceil_div(column_count, lanes) : column_count;
        std::int64_t widest = DepthwiseTileKernels<T>::max_vectors;
        std::int64_t tall = std::min<std::int64_t>({rows.count, row_count, DepthwiseTileKernels<T>::max_rows});
        if (tall > 4) tall = 4;
        while (!table[tall][widest]) --widest;
        const std::int64_t blocks = plan::ceil_div(vectors, widest);
        for (std::int64_t first = 0; first < unit; first += lanes)
            for (std::int64_t i = 0; i < blocks; ++i) {
                const Range part = plan::share(vectors, blocks, i);
                const std::int64_t vector = pixels ? lanes : unit;
                kernels::DepthwiseTiles<T> tiles{};
                tiles.row = rows.output_step * grad_output.row;
                tiles.vector = vector;
                tiles.tap_column = columns.output_step * unit;
                tiles.weights = weights + first;
                tiles.weight_row = rows.tap_step * context.problem.kernel_width * unit;
                tiles.weight_column = columns.tap_step * unit;
                tiles.kernel_rows = rows.count;
                tiles.kernel_columns = columns.count;
                tiles.output_row = output_row;
                tiles.output_vector = vector;
                tiles.row_tiles = row_count / tall;
                tiles.grad_output = grad_output.at(rows.output, columns.output) + part.begin * vector + first;
                tiles.output = output + part.begin * vector + first;
                table[tall][part.size()](tiles);
                const std::int64_t left = row_count % tall;
                if (left == 0) continue;
                tiles.grad_output += (row_count - left) * tiles.row;
                tiles.output += (row_count - left) * tiles.output_row;
                tiles.row_tiles = 1;
                table[left][part.size()](tiles);
            }
    }
};

template <class T>
void compute_target(const Conv2dContext<T>& context, const DepthwiseWindow& window,
                    const DepthwisePanel<T>& grad_output, const T* weights, const Target<T>& target) {
    const plan::Conv2dProblem& p = context.problem;
    const std::int64_t unit = grad_output.pixel, row_step = plan::depthwise_row_step(p);
    for (std::int64_t y = 0; y < std::min(row_step, window.rows.size()); ++y) {
        const DepthwiseTaps rows = plan::depthwise_taps(window.rows.begin + y, p.padding_top, p.kernel_height,
                                                        p.stride_height, p.dilation_height);
        for (std::int64_t q = 0; q < std::min(p.stride_width, window.columns.size()); ++q) {
            const DepthwiseTaps columns = plan::depthwise_taps(window.columns.begin + q, p.padding_left, p.kernel_width,
                                                               p.stride_width, p.dilation_width);
            const ClassWork<T> work{context,
                                    grad_output,
                                    weights + (rows.first * p.kernel_width + columns.first) * unit,
                                    rows,
                                    columns,
                                    plan::ceil_div(window.rows.size() - y, row_step),
                                    plan::ceil_div(window.columns.size() - q, p.stride_width),
                                    target.data + y * target.row + q * target.phase_row,
                                    row_step * target.row};
            if (rows.count > 0 && columns.count > 0) work.compute();
            else work.clear();
        }
    }
}

}  // namespace

template <class T>
bool pack_depthwise_weight(const Conv2dContext<T>& context, Range channels, T* to) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const std::int64_t taps = p.taps(), unit = p.layout == Layout::nchw ? 1 : depthwise_unit<T>;
    const T* from = context.arguments.weight + channels.begin * taps;
    // A rotated kernel is the adjoint of the kernel read backwards.
    const std::int64_t step = p.rotated_kernel ? -unit : unit;
    if (p.rotated_kernel) to += (taps - 1) * unit;
    if (unit > 1) return context.kernels.pack->transpose(from, taps, channels.size(), taps, to, step);
    if (p.rotated_kernel) return context.kernels.pack->copy(from, 1, 1, taps, 1, to, step);
    return context.kernels.pack->copy(from, taps, 1, 1, taps, to, taps);
}

template <class T>
void write_depthwise_input(const Conv2dContext<T>& context, std::int64_t image, const DepthwiseWindow& window,
                           Range channels, const DepthwisePanel<T>& grad_output, const T* weights, bool finite,
                           WriteMode mode, const DepthwiseMemory<T>& memory) noexcept {
    if (!finite) return write_exactly(context, image, window, channels, grad_output, weights, mode);
    const plan::Conv2dProblem& p = context.problem;
    const bool pixels = p.layout == Layout::nchw;
    const std::int64_t phase_columns = plan::ceil_div(window.columns.size(), p.stride_width);
    const std::int64_t phase_row = pixels ? plan::round_up(phase_columns, 16) : phase_columns * depthwise_unit<T>;
    const Target<T> target{memory.grad_input, phase_row * p.stride_width, phase_row};
    compute_target(context, window, grad_output, weights, target);
    const TensorView<T> grad_input = context.grad_input(0);
    const kernels::DepthwiseResult<T> result{
        target.data,
        target.row,
        target.phase_row,
        window.rows.size(),
        window.columns.size(),
        p.stride_width,
        static_cast<int>(channels.size()),
        grad_input.at(image, channels.begin, window.rows.begin, window.columns.begin),
        grad_input.row,
        grad_input.pixel,
        mode == WriteMode::accumulate,
        false};
    const auto& panel = *context.kernels.depthwise->panel;
    (pixels ? panel.write_pixels : panel.write_channels)(result);
}

template bool pack_depthwise_weight<float>(const Conv2dContext<float>&, Range, float*) noexcept;
template bool pack_depthwise_weight<double>(const Conv2dContext<double>&, Range, double*) noexcept;
template void write_depthwise_input<float>(const Conv2dContext<float>&, std::int64_t, const DepthwiseWindow&, Range,
                                           const DepthwisePanel<float>&, const float*, bool, WriteMode,
                                           const DepthwiseMemory<float>&) noexcept;
template void write_depthwise_input<double>(const Conv2dContext<double>&, std::int64_t, const DepthwiseWindow&, Range,
                                            const DepthwisePanel<double>&, const double*, bool, WriteMode,
                                            const DepthwiseMemory<double>&) noexcept;

}  // namespace backgrad::ops
