#include "ops/conv2d_weight_pixels.hpp"

#include "ops/conv2d_bias.hpp"
#include "ops/conv2d_planes.hpp"
#include "ops/conv2d_prefetch.hpp"

#include <algorithm>
#include <utility>

namespace backgrad::ops {

namespace {

using kernels::DotKernels;
using kernels::DotOperands;
using kernels::Run;
using plan::PixelBox;
using plan::PixelPanels;
using plan::Range;

/// Fills the panel of grad_output; returns true if all of it is finite.
template <class T>
bool pack_grad_output(const Conv2dContext<T>& context, const TensorView<const T>& tensor, const PixelBox& pass,
                      Range channels, const PixelPanels& sizes, T* panel) {
    context.kernels.pack->clear_columns(panel + pass.columns(), sizes.pitch,
                                        channels.size() * pass.images() * pass.rows(), sizes.pitch - pass.columns());
    bool finite = true;
    for (std::int64_t n = 0; n < pass.images(); ++n)
        finite &= move_to_planes(*context.kernels.pack, tensor,
                                 tensor.at(pass.image_begin + n, channels.begin, pass.row_begin, pass.column_begin),
                                 channels.size(), {pass.rows(), 1, pass.columns(), 1}, panel + n * sizes.output_image,
                                 sizes.pitch, sizes.output_plane);
    return finite;
}

/// Lists what follows a pass in memory, mostly the next pass: as many rows, or the next images.
template <class T>
void prefetch_following(const plan::Conv2dProblem& p, const TensorView<const T>& grad_output,
                        const TensorView<const T>& input, const PixelBox& box, Range channels, PrefetchList<T>& list) {
    list.clear();
    const bool same_image = box.row_end < p.out_height;
    const std::int64_t begin = same_image ? box.row_end : 0, rows = std::min(box.rows(), p.out_height - begin);
    const std::int64_t image = same_image ? box.image_begin : box.image_end;
    // The kernel's reach into the next rows has been read by this pass.
    const std::int64_t first = same_image ? p.input_row(begin - 1, p.kernel_height - 1) + 1 : 0;
    const Range input_rows{
        std::clamp<std::int64_t>(first, 0, p.in_height),
        std::clamp<std::int64_t>(p.input_row(begin + rows - 1, p.kernel_height - 1) + 1, 0, p.in_height)};
    for (std::int64_t n = image; n < std::min(p.batch, image + box.images()); ++n) {
        list.add(grad_output, grad_output.at(n, channels.begin, begin, 0), channels.size(), rows * p.out_width);
        if (input_rows.size() > 0)
            list.add(input, input.at(n, 0, input_rows.begin, 0), p.in_channels, input_rows.size() * p.in_width);
    }
}

/// Columns of a dot tile for `rows` outputs: the fewest loads per FMA. A column operand crosses cache lines, so its
/// load counts twice; 8 accumulators hide the latency.
template <class T>
std::int64_t choose_columns(const DotKernels<T>& dot, std::int64_t rows) {
    std::int64_t best = 1;
    double best_cost = 1e30;
    for (std::int64_t columns = 1; columns <= DotKernels<T>::max_columns; ++columns) {
        const std::int64_t parts = plan::ceil_div(rows, dot.rows_limit[columns]), height = plan::ceil_div(rows, parts);
        const double slots = static_cast<double>(std::max({height * columns, height + 2 * columns, std::int64_t{8}}));
        const double cost = slots * static_cast<double>(parts) / static_cast<double>(rows * columns);
        if (cost < best_cost * 0.99) {
            best = columns;
            best_cost = cost;
        }
    }
    return best;
}

/// One pass of the task: the panels and where the chains live.
template <class T>
struct PassWork {
    const Conv2dContext<T>& context;
    const PixelPanels& sizes;
    const PixelBox& pass;
    const T* grad_output;
    const T* input;
    std::int64_t rows;  ///< output channels of the block
    T* state;           ///< [row][input channel][tap][chain]
    kernels::PrefetchQueue<T>* prefetch;

    std::int64_t outputs_per_row() const { return context.problem.in_channels * context.problem.taps(); }

    /// Adds the runs to the outputs [begin, end) of every row: the taps of all input channels, numbered in order. The
    /// rows of a tile stay in the L1 cache while all taps pass over them.
    void add(const Run* runs, std::int64_t count, std::int64_t begin, std::int64_t end) const {
        const auto& dot = *context.kernels.dot;
        const std::int64_t parts = plan::ceil_div(end - begin, choose_columns(dot, rows));
        const std::int64_t widest = plan::ceil_div(end - begin, parts);
        const std::int64_t row_parts = plan::ceil_div(rows, dot.rows_limit[widest]);
        for (std::int64_t i = 0; i < row_parts; ++i)
            for (std::int64_t part = 0; part < parts; ++part) {
                const Range columns = plan::share(end - begin, parts, part);
                add_tile(runs, count, plan::share(rows, row_parts, i), {begin + columns.begin, begin + columns.end});
            }
    }

private:
    void add_tile(const Run* runs, std::int64_t count, Range tile_rows, Range outputs) const {
        constexpr std::int64_t chains = DotKernels<T>::chains;
        const plan::Conv2dProblem& p = context.problem;
        std::ptrdiff_t offsets[DotKernels<T>::max_columns];
        for (std::int64_t c = 0; c < outputs.size(); ++c) {
            const std::int64_t output = outputs.begin + c, tap = output % p.taps();
            offsets[c] = tap_offset(p, sizes, output / p.taps(), tap / p.kernel_width, tap % p.kernel_width);
        }
        const DotOperands<T> operands{grad_output + tile_rows.begin * sizes.output_plane,
                                      sizes.output_plane,
                                      input,
                                      offsets,
                                      runs,
                                      count,
                                      prefetch};
        T* to = state + (tile_rows.begin * outputs_per_row() + outputs.begin) * chains;
        context.kernels.dot->function[tile_rows.size()][outputs.size()](operands, to, outputs_per_row() * chains);
    }
};

/// All rows of an image are one run: what lies between them is zero in the panel of grad_output.
template <class T>
void add_whole(const PassWork<T>& work) {
    constexpr std::int64_t capacity = 64;
    const PixelPanels& sizes = work.sizes;
    Run runs[capacity];
    for (std::int64_t first = 0; first < work.pass.images(); first += capacity) {
        const std::int64_t count = std::min(capacity, work.pass.images() - first);
        for (std::int64_t i = 0; i < count; ++i)
            runs[i] = {(first + i) * sizes.output_image, (first + i) * sizes.input_image, sizes.output_image};
        work.add(runs, count, 0, work.outputs_per_row());
    }
}

/// Where values are not finite, zeros times them would be NaN. So each tap runs over its own valid pixels only.
template <class T>
void add_exact(const PassWork<T>& work) {
    const plan::Conv2dProblem& p = work.context.problem;
    const PixelBox& pass = work.pass;
    for (std::int64_t tap = 0; tap < p.taps(); ++tap) {
        const std::int64_t r = tap / p.kernel_width, c = tap % p.kernel_width;
        const Range valid =
            plan::valid_outputs(p.out_width, p.in_width, p.stride_width, c * p.dilation_width - p.padding_left);
        const std::int64_t begin = std::max(valid.begin, pass.column_begin) - pass.column_begin;
        const std::int64_t size = std::min(valid.end, pass.column_end) - pass.column_begin - begin;
        for (std::int64_t n = 0; n < pass.images() && size > 0; ++n)
            for (std::int64_t y = 0; y < pass.rows(); ++y) {
                const std::int64_t in_y = p.input_row(pass.row_begin + y, r);
                if (in_y < 0 || in_y >= p.in_height) continue;
                const std::int64_t at = y * work.sizes.pitch + begin;
                const Run run{n * work.sizes.output_image + at, n * work.sizes.input_image + at, size};
                for (std::int64_t i = 0; i < p.in_channels; ++i)
                    work.add(&run, 1, i * p.taps() + tap, i * p.taps() + tap + 1);
            }
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
    const Range channels = plan.row_block(row_block), whole = plan.segment_group(segment_group);
    const Range segments = context.segments(plan.segments, whole);
    const std::int64_t outputs = channels.size() * p.in_channels * p.taps();
    const PixelPanels largest = plan::pixel_panels(p, plan.passes.images, plan.passes.rows, plan.passes.columns);
    T* output_panel = scratch.take(plan.rows_per_block * largest.output_plane);
    T* input_panel = scratch.take(p.in_channels * largest.input_plane + largest.pitch);
    T* state = scratch.take(outputs * chains);
    T* bias_state = scratch.take(bias ? bias_state_elements<T>(channels.size()) : 0);
    if (segments.begin == whole.begin) {
        pack.clear(total, outputs);
        if (bias) pack.clear(bias, channels.size());
    }
    PrefetchList<T> prefetch;
    for (std::int64_t s = segments.begin; s < segments.end; ++s) {
        pack.clear(state, outputs * chains);
        FetchAhead ahead = context.ahead.part(s - segments.begin, segments.size());
        plan.passes.for_each(context.box(plan.segments, s), [&](const PixelBox& pass) {
            const PixelPanels sizes = plan::pixel_panels(p, pass.images(), pass.rows(), pass.columns());
            bool finite = pack_grad_output(context, grad_output, pass, channels, sizes, output_panel);
            finite &= pack_input_planes(context, input, pass, sizes, input_panel);
            if (bias) add_bias_pass(context, grad_output, pass, channels, bias_state, bias);
            prefetch_following(p, grad_output, input, pass, channels, prefetch);
            prefetch.add(std::exchange(ahead, {}));
            const PassWork<T> work{context,     sizes,           pass,  output_panel,
                                   input_panel, channels.size(), state, prefetch.queue()};
            if (finite) add_whole(work);
            else add_exact(work);
        });
        context.kernels.dot->join(state, outputs, total);
    }
}

template void weight_pixels_task<float>(const Conv2dContext<float>&, const plan::Conv2dWeightPlan&, std::int64_t,
                                        std::int64_t, std::int64_t, float*, float*, Scratch<float>) noexcept;
template void weight_pixels_task<double>(const Conv2dContext<double>&, const plan::Conv2dWeightPlan&, std::int64_t,
                                         std::int64_t, std::int64_t, double*, double*, Scratch<double>) noexcept;

}  // namespace backgrad::ops
