#include "ops/conv2d_weight_pixels.hpp"

#include "ops/conv2d_bias.hpp"

#include <algorithm>

namespace backgrad::ops {

namespace {

using kernels::DotKernels;
using kernels::DotOperands;
using kernels::Run;
using plan::PixelBox;
using plan::PixelPanels;
using plan::Range;

/// The part of a segment that is worked on at once: its panels fit the L1 cache.
struct Pass {
    std::int64_t image_begin, images;
    Range rows, columns;
};

/// Moves a stretch of pixels into channels-first order, whatever the layout.
template <class T>
bool move_channels_first(const Conv2dContext<T>& context, const TensorView<const T>& tensor, const T* from,
                         std::int64_t channels, std::int64_t pixels, std::int64_t step, T* to, std::int64_t plane) {
    const auto& pack = *context.kernels.pack;
    if (tensor.channel != 1 || channels == 1)
        return pack.copy(from, tensor.channel, tensor.pixel * step, channels, pixels, to, plane);
    return pack.transpose_tight(from, tensor.pixel * step, pixels, channels, to, plane);
}

/// grad_output as [channel][image][row][column]; returns true if all of it is finite.
template <class T>
bool pack_grad_output(const Conv2dContext<T>& context, const TensorView<const T>& tensor, const Pass& pass,
                      Range channels, const PixelPanels& sizes, T* panel) {
    bool finite = true;
    for (std::int64_t n = 0; n < pass.images; ++n)
        for (std::int64_t y = 0; y < pass.rows.size(); ++y)
            finite &= move_channels_first(
                context, tensor,
                tensor.at(pass.image_begin + n, channels.begin, pass.rows.begin + y, pass.columns.begin),
                channels.size(), pass.columns.size(), 1, panel + (n * pass.rows.size() + y) * sizes.output_row,
                sizes.output_plane);
    return finite;
}

/// input as [channel][image][row][column phase][column], with zeros where the padding is.
template <class T>
void pack_input(const Conv2dContext<T>& context, const TensorView<const T>& tensor, const Pass& pass,
                const PixelPanels& sizes, T* panel) {
    const plan::Conv2dProblem& p = context.problem;
    context.kernels.pack->clear(panel, p.in_channels * sizes.input_plane);
    const std::int64_t top = pass.rows.begin * p.stride_height - p.padding_top;
    const std::int64_t left = pass.columns.begin * p.stride_width - p.padding_left;
    for (std::int64_t n = 0; n < pass.images; ++n)
        for (std::int64_t r = 0; r < sizes.input_rows; ++r) {
            const std::int64_t y = top + r;
            if (y < 0 || y >= p.in_height) continue;
            T* row = panel + (n * sizes.input_rows + r) * sizes.input_row;
            for (std::int64_t phase = 0; phase < p.stride_width; ++phase) {
                // Panel column j of this phase is input column left + phase + j * stride_width.
                const Range valid = plan::valid_outputs(sizes.input_phase, p.in_width, p.stride_width, left + phase);
                if (valid.size() == 0) continue;
                const std::int64_t x = left + phase + valid.begin * p.stride_width;
                move_channels_first(context, tensor, tensor.at(pass.image_begin + n, 0, y, x), p.in_channels,
                                    valid.size(), p.stride_width, row + phase * sizes.input_phase + valid.begin,
                                    sizes.input_plane);
            }
        }
}

/// Panel offset of tap (r, c) of input channel i, from the panel row of the output row's first input row.
std::int64_t tap_offset(const plan::Conv2dProblem& p, const PixelPanels& sizes, std::int64_t i, std::int64_t r,
                        std::int64_t c) {
    const std::int64_t column = c * p.dilation_width;
    return i * sizes.input_plane + r * p.dilation_height * sizes.input_row +
           column % p.stride_width * sizes.input_phase + column / p.stride_width;
}

/// One pass of the task: the panels, their runs, and where the chains live.
template <class T>
struct PassWork {
    const Conv2dContext<T>& context;
    const PixelPanels& sizes;
    const Pass& pass;
    const T* grad_output;
    const T* input;
    std::int64_t rows;  ///< output channels of the block
    T* state;           ///< [row][input channel][tap][chain]

    std::int64_t outputs_per_row() const { return context.problem.in_channels * context.problem.taps(); }

    /// Adds the outputs [begin, end) of every row: the taps of all input channels, numbered in order.
    void add(const T* lanes, std::int64_t begin, std::int64_t end) const {
        const auto& dot = *context.kernels.dot;
        const plan::Conv2dProblem& p = context.problem;
        constexpr int widest = 5;
        const std::int64_t parts = plan::ceil_div(end - begin, widest);
        for (std::int64_t part = 0; part < parts; ++part) {
            const Range columns = plan::share(end - begin, parts, part);
            std::ptrdiff_t offsets[widest];
            for (std::int64_t c = 0; c < columns.size(); ++c) {
                const std::int64_t output = begin + columns.begin + c, tap = output % p.taps();
                offsets[c] = tap_offset(p, sizes, output / p.taps(), tap / p.kernel_width, tap % p.kernel_width);
            }
            const std::int64_t row_parts = plan::ceil_div(rows, dot.rows_limit[columns.size()]);
            for (std::int64_t i = 0; i < row_parts; ++i) {
                const Range part_rows = plan::share(rows, row_parts, i);
                add_tile(lanes, part_rows, begin + columns.begin, static_cast<int>(columns.size()), offsets);
            }
        }
    }

private:
    void add_tile(const T* lanes, Range part_rows, std::int64_t output, int columns,
                  const std::ptrdiff_t* offsets) const {
        constexpr std::int64_t chains = DotKernels<T>::chains, capacity = 64;
        const plan::Conv2dProblem& p = context.problem;
        const std::int64_t lines = pass.images * pass.rows.size();
        Run runs[capacity];
        for (std::int64_t first = 0; first < lines; first += capacity) {
            const std::int64_t count = std::min(capacity, lines - first);
            for (std::int64_t l = 0; l < count; ++l) {
                const std::int64_t n = (first + l) / pass.rows.size(), y = (first + l) % pass.rows.size();
                runs[l] = {(first + l) * sizes.output_row,
                           (n * sizes.input_rows + y * p.stride_height) * sizes.input_row, pass.columns.size()};
            }
            const DotOperands<T> operands{lanes + part_rows.begin * sizes.output_plane,
                                          sizes.output_plane,
                                          input,
                                          offsets,
                                          runs,
                                          count};
            context.kernels.dot->function[part_rows.size()][columns](
                operands, state + (part_rows.begin * outputs_per_row() + output) * chains, outputs_per_row() * chains);
        }
    }
};

/// Where values are not finite, zero padding would turn them into NaN. So each tap gets a copy of grad_output that is
/// zero wherever the tap reads padding: its terms become 0 * 0, as if they did not exist.
template <class T>
void add_masked(const PassWork<T>& work, T* masked) {
    const plan::Conv2dProblem& p = work.context.problem;
    const auto& pack = *work.context.kernels.pack;
    const Pass& pass = work.pass;
    const std::int64_t row = work.sizes.output_row;
    for (std::int64_t tap = 0; tap < p.taps(); ++tap) {
        const std::int64_t r = tap / p.kernel_width, c = tap % p.kernel_width;
        const Range valid =
            plan::valid_outputs(p.out_width, p.in_width, p.stride_width, c * p.dilation_width - p.padding_left);
        const std::int64_t begin = std::max(valid.begin, pass.columns.begin);
        const std::int64_t size = std::max<std::int64_t>(0, std::min(valid.end, pass.columns.end) - begin);
        pack.clear(masked, work.rows * work.sizes.output_plane);
        for (std::int64_t line = 0; line < pass.images * pass.rows.size(); ++line) {
            const std::int64_t y = p.input_row(pass.rows.begin + line % pass.rows.size(), r);
            if (y < 0 || y >= p.in_height) continue;
            const std::int64_t at = line * row + begin - pass.columns.begin;
            pack.copy(work.grad_output + at, work.sizes.output_plane, 1, work.rows, size, masked + at,
                      work.sizes.output_plane);
        }
        for (std::int64_t i = 0; i < p.in_channels; ++i) work.add(masked, i * p.taps() + tap, i * p.taps() + tap + 1);
    }
}

}  // namespace

template <class T>
void weight_pixels_task(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan, std::int64_t group,
                        std::int64_t segment_group, std::int64_t row_block, T* total, T* bias,
                        Scratch<T> scratch) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const auto& pack = *context.kernels.pack;
    constexpr std::int64_t chains = DotKernels<T>::chains;
    const TensorView<const T> grad_output = context.grad_output(group), input = context.input(group);
    const Range channels = plan.row_block(row_block), segments = plan.segment_group(segment_group);
    const std::int64_t outputs = channels.size() * p.in_channels * p.taps();
    const PixelPanels largest = plan::pixel_panels(p, plan.pass_images, plan.pass_rows, plan.pass_columns);
    T* output_panel = scratch.take(plan.rows_per_block * largest.output_plane);
    T* masked_panel = scratch.take(plan.rows_per_block * largest.output_plane);
    T* input_panel = scratch.take(p.in_channels * largest.input_plane);
    T* state = scratch.take(outputs * chains);
    T* bias_state = scratch.take(bias ? bias_state_elements<T>(channels.size()) : 0);
    if (bias) pack.clear(bias, channels.size());

    pack.clear(total, outputs);
    for (std::int64_t s = segments.begin; s < segments.end; ++s) {
        const PixelBox box = plan.segments.box(s);
        pack.clear(state, outputs * chains);
        for (std::int64_t n = box.image_begin; n < box.image_end; n += plan.pass_images)
            for (std::int64_t y = box.row_begin; y < box.row_end; y += plan.pass_rows)
                for (std::int64_t x = box.column_begin; x < box.column_end; x += plan.pass_columns) {
                    const Pass pass{n,
                                    std::min(plan.pass_images, box.image_end - n),
                                    {y, std::min(y + plan.pass_rows, box.row_end)},
                                    {x, std::min(x + plan.pass_columns, box.column_end)}};
                    const PixelPanels sizes =
                        plan::pixel_panels(p, pass.images, pass.rows.size(), pass.columns.size());
                    const bool finite = pack_grad_output(context, grad_output, pass, channels, sizes, output_panel);
                    pack_input(context, input, pass, sizes, input_panel);
                    const PassWork<T> work{context, sizes, pass, output_panel, input_panel, channels.size(), state};
                    if (finite) work.add(output_panel, 0, work.outputs_per_row());
                    else add_masked(work, masked_panel);
                }
        if (bias) add_bias_segment(context, grad_output, box, channels, bias_state, bias);
        context.kernels.dot->join(state, outputs, total);
    }
}

template void weight_pixels_task<float>(const Conv2dContext<float>&, const plan::Conv2dWeightPlan&, std::int64_t,
                                        std::int64_t, std::int64_t, float*, float*, Scratch<float>) noexcept;
template void weight_pixels_task<double>(const Conv2dContext<double>&, const plan::Conv2dWeightPlan&, std::int64_t,
                                         std::int64_t, std::int64_t, double*, double*,
                                         Scratch<double>) noexcept;

}  // namespace backgrad::ops
