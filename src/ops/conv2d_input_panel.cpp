#include "ops/conv2d_input_panel.hpp"

#include "plan/conv2d_input_blocks.hpp"

#include <algorithm>
#include <cstdlib>

namespace backgrad::ops {

using plan::Conv2dInputPlan;
using plan::LaneFamily;
using plan::Range;

namespace {

/// Clears what a panel of one image holds beside the given rows and columns.
template <class T>
void clear_around(const kernels::PackKernels<T>& pack, const InputPanel<T>& panel, T* memory, Range rows, Range columns,
                  std::int64_t channels) {
    const plan::OutputWindow& window = panel.window;
    pack.clear(memory, (rows.begin - window.rows.begin) * panel.row);
    pack.clear(memory + (rows.end - window.rows.begin) * panel.row, (window.rows.end - rows.end) * panel.row);
    const auto clear_columns = [&](std::int64_t y, Range some) {
        if (some.size() == 0) return;
        T* first = panel.data + std::min(panel.offset(y, some.begin, 0), panel.offset(y, some.end - 1, 0));
        if (panel.channel == 1) pack.clear(first, (some.size() - 1) * std::abs(panel.column) + channels);
        else pack.clear_columns(first, panel.channel, channels, some.size());
    };
    for (std::int64_t y = rows.begin; y < rows.end; ++y) {
        clear_columns(y, {window.columns.begin, columns.begin});
        clear_columns(y, {columns.end, window.columns.end});
    }
}

/// Whether each plane is transposed: pixels below each other lie side by side.
bool turned(const plan::Conv2dProblem& p, const Conv2dInputPlan& plan) {
    return plan.tile_axis == plan::TileAxis::down && !plan::panel_has_pixels(p, plan);
}

/// Whether the columns of pixels of channels stand backwards: the taps of a kernel row meet them from right to left, so
/// that all terms of the row are one run. (A single channel has taps as terms already.)
bool backwards(const plan::Conv2dProblem& p, const Conv2dInputPlan& plan) {
    return plan::panel_has_pixels(p, plan) && p.kernel_width > 1 && p.dilation_width == 1 && p.stride_width == 1 &&
           p.out_channels > 1 && p.out_channels <= Conv2dInputPlan::channel_block;
}

template <class T>
InputPanel<T> empty_panel(const plan::Conv2dProblem& p, const Conv2dInputPlan& plan, const plan::OutputWindow& window,
                          T* memory) {
    const std::int64_t rows = window.rows.size(), columns = window.columns.size(), channels = p.out_channels;
    InputPanel<T> panel{memory, window, rows * columns * channels, columns * channels, 1, columns, 0};
    if (plan::panel_has_pixels(p, plan))
        panel.column = plan::panel_pixel(p), panel.row = columns * panel.column, panel.image = rows * panel.row,
        panel.channel = 1;
    else if (turned(p, plan)) panel.row = 1, panel.column = rows * channels, panel.channel = rows;
    if (backwards(p, plan))
        panel.data += std::max<std::int64_t>(0, columns - 1) * panel.column, panel.column = -panel.column;
    panel.term = has_tap_terms(p) ? -p.dilation_width * panel.column : panel.channel;
    return panel;
}

/// Fills the panel of one image with the given rows and columns of grad_output.
template <class T>
struct Fill {
    const plan::Conv2dProblem& p;
    const kernels::PackKernels<T>& pack;
    const TensorView<const T>& grad_output;
    Range rows, columns;

    void transpose_planes(const InputPanel<T>& panel, std::int64_t image) const {
        for (std::int64_t c = 0; c < p.out_channels; ++c)
            pack.transpose_tight(grad_output.at(image, c, rows.begin, columns.begin), grad_output.row, rows.size(),
                                 columns.size(), panel.data + panel.offset(rows.begin, columns.begin, c), panel.column);
    }

    void pixels(const InputPanel<T>& panel, std::int64_t image) const {
        // Rows that lie behind each other in both are as one.
        const bool one_row =
            panel.row == columns.size() * panel.column && grad_output.row == columns.size() * grad_output.pixel;
        const std::int64_t steps = one_row ? 1 : rows.size(), count = rows.size() * columns.size() / steps;
        for (std::int64_t i = 0; i < steps; ++i) {
            const T* from = grad_output.at(image, 0, rows.begin + i, columns.begin);
            T* to = panel.data + panel.offset(rows.begin + i, columns.begin, 0);
            if (grad_output.channel == 1)
                pack.copy(from, grad_output.pixel, 1, count, p.out_channels, to, panel.column);
            else pack.transpose_tight(from, grad_output.channel, p.out_channels, count, to, panel.column);
        }
    }

    void channel_rows(const InputPanel<T>& panel, std::int64_t image) const {
        for (std::int64_t y = rows.begin; y < rows.end; ++y) {
            const T* from = grad_output.at(image, 0, y, columns.begin);
            T* to = panel.data + panel.offset(y, columns.begin, 0);
            if (grad_output.channel != 1 || p.out_channels == 1)
                pack.copy(from, grad_output.channel, grad_output.pixel, p.out_channels, columns.size(), to,
                          panel.channel);
            else pack.transpose_tight(from, grad_output.pixel, columns.size(), p.out_channels, to, panel.channel);
        }
    }
};

}  // namespace

template <class T>
InputPanel<T> pack_input_panel(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t group,
                               const plan::InputBlock& block, T* memory) {
    const plan::Conv2dProblem& p = context.problem;
    const auto& pack = *context.kernels.pack;
    const TensorView<const T> grad_output = context.grad_output(group);
    const plan::OutputWindow window = plan::output_window(p, plan, block);
    const std::int64_t columns = window.columns.size();
    const InputPanel<T> panel = empty_panel(p, plan, window, memory);
    const Range valid{std::max<std::int64_t>(0, window.columns.begin), std::min(p.out_width, window.columns.end)};
    const Range rows{std::max<std::int64_t>(0, window.rows.begin), std::min(p.out_height, window.rows.end)};
    // Single elements at the ends of short rows would cost more than clearing the rows.
    constexpr std::int64_t long_row = 128;
    const bool padded = valid.size() < columns || rows.size() < window.rows.size();
    const std::int64_t elements = block.images.size() * panel.image;
    if (padded && valid.size() >= long_row && !turned(p, plan))
        clear_around(pack, panel, memory, rows, valid, p.out_channels);
    else if (padded) pack.clear(memory, elements);
    // Tiles of pixels read whole vectors: denormal numbers behind the last row would slow them down.
    if (plan.family == LaneFamily::pixels)
        pack.clear(memory + elements, plan.pixel_vectors * context.kernels.tile->lanes);
    if (valid.size() == 0 || rows.size() == 0) return panel;
    const Fill<T> fill{p, pack, grad_output, rows, valid};
    for (std::int64_t i = 0; i < block.images.size(); ++i) {
        InputPanel<T> image = panel;
        image.data += i * panel.image;
        if (turned(p, plan)) fill.transpose_planes(image, block.images.begin + i);
        else if (plan::panel_has_pixels(p, plan)) fill.pixels(image, block.images.begin + i);
        else fill.channel_rows(image, block.images.begin + i);
    }
    return panel;
}

template <class T>
void prefetch_block(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t group,
                    const plan::InputBlock& block, PrefetchList<T>& list) {
    const plan::Conv2dProblem& p = context.problem;
    const TensorView<const T> grad_output = context.grad_output(group);
    const plan::OutputWindow window = plan::output_window(p, plan, block);
    const Range rows{std::max<std::int64_t>(0, window.rows.begin), std::min(p.out_height, window.rows.end)};
    const std::int64_t begin = std::max<std::int64_t>(0, window.columns.begin);
    const std::int64_t columns = std::min(p.out_width, window.columns.end) - begin;
    if (columns <= 0) return;
    for (std::int64_t i = block.images.begin; i < block.images.end; ++i)
        for_each_row_run(grad_output, i, 0, rows, begin, columns, [&](const T* from, std::int64_t pixels) {
            list.add(grad_output, from, p.out_channels, pixels);
        });
}

template <class T>
void prefetch_target(const TensorView<T>& grad_input, const plan::InputBlock& block, Range channels,
                     PrefetchList<T>& list) {
    const TensorView<const T> target = read_only(grad_input);
    for (std::int64_t i = block.images.begin; i < block.images.end; ++i)
        for_each_row_run(target, i, channels.begin, block.rows, block.columns.begin, block.columns.size(),
                         [&](const T* to, std::int64_t pixels) { list.add(target, to, channels.size(), pixels); });
}

template InputPanel<float> pack_input_panel(const Conv2dContext<float>&, const Conv2dInputPlan&, std::int64_t,
                                            const plan::InputBlock&, float*);
template InputPanel<double> pack_input_panel(const Conv2dContext<double>&, const Conv2dInputPlan&, std::int64_t,
                                             const plan::InputBlock&, double*);
template void prefetch_block(const Conv2dContext<float>&, const Conv2dInputPlan&, std::int64_t, const plan::InputBlock&,
                             PrefetchList<float>&);
template void prefetch_block(const Conv2dContext<double>&, const Conv2dInputPlan&, std::int64_t,
                             const plan::InputBlock&, PrefetchList<double>&);
template void prefetch_target(const TensorView<float>&, const plan::InputBlock&, Range, PrefetchList<float>&);
template void prefetch_target(const TensorView<double>&, const plan::InputBlock&, Range, PrefetchList<double>&);

}  // namespace backgrad::ops
