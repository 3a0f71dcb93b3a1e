#include "ops/conv2d_depthwise.hpp"

#include "ops/conv2d_bias.hpp"
#include "ops/conv2d_depthwise_parts.hpp"

#include <algorithm>
#include <cmath>

namespace backgrad::ops {

namespace {

using kernels::depthwise_unit;
using kernels::Finish;
using plan::Conv2dDepthwisePlan;
using plan::DepthwiseStrip;
using plan::PixelBox;
using plan::Range;

Finish finish_of(WriteMode mode) { return mode == WriteMode::accumulate ? Finish::add : Finish::store; }

/// What a task keeps for its block of units.
template <class T>
struct BlockMemory {
    T *weight_total, *bias_total;  ///< one partial sum
    T *weight_state, *bias_state;  ///< chains of the current segment
    T* weights;                    ///< packed
    T* weights_finite;             ///< 1 or 0 per unit
    DepthwiseMemory<T> panels;
};

template <class T>
BlockMemory<T> lay_out(const Conv2dDepthwisePlan& plan, T* partial, Scratch<T>& scratch) {
    BlockMemory<T> memory{};
    memory.weight_total = partial ? partial : scratch.take(plan.partial_elements());
    memory.bias_total = memory.weight_total + plan.units_per_block * plan.total_elements;
    memory.weight_state = scratch.take(plan.units_per_block * plan.state_elements);
    memory.bias_state = scratch.take(plan.units_per_block * plan.bias_state_elements);
    memory.weights = scratch.take(plan.weight_elements);
    memory.weights_finite = scratch.take(plan.units_per_block);
    memory.panels = {scratch.take(plan.grad_output_elements), scratch.take(plan.input_elements),
                     scratch.take(plan.split_elements), scratch.take(plan.grad_input_elements)};
    return memory;
}

template <class T>
bool all_finite(const T* values, std::int64_t count) {
    T poison = 0;
    for (std::int64_t i = 0; i < count; ++i) poison += values[i] * T(0);
    return poison == T(0);
}

/// A task: the units of a block over the segments of a group.
template <class T>
struct BlockWork {
    const Conv2dContext<T>& context;
    const Conv2dDepthwisePlan& plan;
    const DepthwiseModes& modes;
    Range units;
    BlockMemory<T> memory;

    void run(Range segments) const {
        const auto& pack = *context.kernels.pack;
        const std::int64_t count = units.size();
        if (plan.gradients.input) pack_weights();
        if (plan.sums()) pack.clear(memory.weight_total, plan.partial_elements());
        for (std::int64_t s = segments.begin; s < segments.end; ++s) {
            const PixelBox box = plan.segments.box(s);
            pack.clear(memory.weight_state, count * plan.state_elements);
            pack.clear(memory.bias_state, count * plan.bias_state_elements);
            for (std::int64_t n = box.image_begin; n < box.image_end; ++n)
                for (std::int64_t u = 0; u < count; ++u) add_image(box, n, u);
            if (plan.sums()) finish_segment();
        }
    }

private:
    void pack_weights() const {
        for (std::int64_t u = 0; u < units.size(); ++u)
            memory.weights_finite[u] = pack_depthwise_weight(context, plan.unit_range(units.begin + u),
                                                             memory.weights + u * plan.total_elements)
                                           ? T(1)
                                           : T(0);
    }

    /// Everything of one image of a segment, strip by strip, while it is in cache.
    void add_image(const PixelBox& box, std::int64_t image, std::int64_t u) const {
        const Range channels = plan.unit_range(units.begin + u);
        T* bias_state = memory.bias_state + u * plan.bias_state_elements;
        if (plan.sums()) add_bias_image(context, context.grad_output(0), box, image, channels, bias_state);
        const bool finite = all_finite(bias_state, plan.bias_state_elements);
        const std::int64_t parts = plan::ceil_div(box.rows(), plan.strip_rows);
        for (std::int64_t i = 0; i < parts; ++i) {
            const Range rows = plan::share(box.rows(), parts, i);
            const DepthwiseStrip strip{image,
                                       {box.row_begin + rows.begin, box.row_begin + rows.end},
                                       {box.column_begin, box.column_end}};
            add_strip(strip, u, channels, finite);
        }
    }

    void add_strip(const DepthwiseStrip& strip, std::int64_t u, Range channels, bool finite) const {
        const plan::Conv2dProblem& p = context.problem;
        const TensorView<const T> tensor = context.grad_output(0);
        const plan::DepthwiseWindow own{strip.rows, strip.columns};
        const plan::DepthwiseWindow target = plan::depthwise_grad_input(p, strip);
        if (plan.gradients.weight) {
            // Rows of NCHW are read where they lie; a unit of NHWC may end inside a vector.
            const bool in_place = p.layout == Layout::nchw || channels.size() == depthwise_unit<T>;
            const DepthwisePanel<T> grad_output =
                in_place ? DepthwisePanel<T>{tensor.at(strip.image, channels.begin, strip.rows.begin, strip.columns.begin),
                                             own, tensor.row, tensor.pixel}
                         : read_panel(context, tensor, p.out_height, p.out_width, strip.image, channels, own,
                                      memory.panels.grad_output);
            add_depthwise_weight(context, strip, channels, grad_output, finite, memory.panels,
                                 memory.weight_state + u * plan.state_elements);
        }
        if (plan.gradients.input && target.rows.size() > 0 && target.columns.size() > 0) {
            const DepthwisePanel<T> grad_output =
                read_panel(context, tensor, p.out_height, p.out_width, strip.image, channels,
                           plan::depthwise_grad_output(p, target), memory.panels.grad_output);
            write_depthwise_input(context, strip.image, target, channels, grad_output,
                                  memory.weights + u * plan.total_elements, memory.weights_finite[u] == T(1),
                                  modes.input, memory.panels);
        }
    }

    void finish_segment() const {
        const std::int64_t taps = plan.gradients.weight ? units.size() * context.problem.taps() : 0;
        add_total(memory.weight_state, taps, memory.weight_total);
        add_total(memory.bias_state, units.size(), memory.bias_total);
    }

    /// Sums of NCHW are spread over chains, those of NHWC are whole.
    void add_total(const T* state, std::int64_t sums, T* total) const {
        if (context.problem.layout == Layout::nchw) return context.kernels.dot->join(state, sums, total);
        const std::int64_t size = sums * depthwise_unit<T>;
        context.kernels.pack->copy_out(state, size, 1, size, total, size, 1, Finish::add);
    }
};

/// Writes the finished sums of a block: [unit][tap][unit channel], then the bias.
template <class T>
void write_totals(const Conv2dContext<T>& context, const Conv2dDepthwisePlan& plan, const DepthwiseModes& modes,
                  Range units, const T* total) {
    const auto& pack = *context.kernels.pack;
    const std::int64_t taps = context.problem.taps(), unit = plan.unit_channels;
    const Range channels{plan.unit_range(units.begin).begin, plan.unit_range(units.end - 1).end};
    if (plan.gradients.bias)
        pack.copy_out(total + plan.units_per_block * plan.total_elements, channels.size(), 1, channels.size(),
                      context.arguments.grad_bias + channels.begin, channels.size(), 1, finish_of(modes.bias));
    if (!plan.gradients.weight) return;
    T* weight = context.arguments.grad_weight + channels.begin * taps;
    if (unit == 1) {
        const std::int64_t size = channels.size() * taps;
        return pack.copy_out(total, size, 1, size, weight, size, 1, finish_of(modes.weight));
    }
    for (std::int64_t u = 0; u < units.size(); ++u)
        pack.transpose_out(total + u * plan.total_elements, unit, taps, plan.unit_range(units.begin + u).size(),
                           weight + u * unit * taps, taps, finish_of(modes.weight));
}

}  // namespace

template <class T>
DepthwisePanel<T> read_panel(const Conv2dContext<T>& context, const TensorView<const T>& tensor, std::int64_t height,
                             std::int64_t width, std::int64_t image, Range channels,
                             const plan::DepthwiseWindow& window, T* data) noexcept {
    const bool pixels = context.problem.layout == Layout::nchw;
    const std::int64_t unit = pixels ? 1 : depthwise_unit<T>;
    const auto inside = [](const Range& range, std::int64_t size) {
        const std::int64_t begin = std::clamp<std::int64_t>(0, range.begin, range.end);
        return Range{begin, std::clamp(size, begin, range.end)};
    };
    const Range rows = inside(window.rows, height), columns = inside(window.columns, width);
    const bool empty = rows.size() == 0 || columns.size() == 0;
    const kernels::DepthwiseWindow<T> copy{
        empty ? tensor.data : tensor.at(image, channels.begin, rows.begin, columns.begin),
        tensor.row,
        tensor.pixel,
        rows.begin - window.rows.begin,
        rows.size(),
        window.rows.end - rows.end,
        columns.begin - window.columns.begin,
        columns.size(),
        window.columns.end - columns.end,
        static_cast<int>(channels.size()),
        data};
    const auto& panel = *context.kernels.depthwise->panel;
    (pixels ? panel.read_pixels : panel.read_channels)(copy);
    return {data, window, window.columns.size() * unit, unit};
}

template <class T>
void depthwise_task(const Conv2dContext<T>& context, const Conv2dDepthwisePlan& plan, const DepthwiseModes& modes,
                    std::int64_t task, T* partials, Scratch<T> scratch) noexcept {
    const Range units = plan.unit_block(task % plan.unit_blocks);
    T* partial = plan.partials() ? partials + task * plan.partial_elements() : nullptr;
    const BlockWork<T> work{context, plan, modes, units, lay_out(plan, partial, scratch)};
    work.run(plan.segment_group(task / plan.unit_blocks));
    if (plan.sums() && !partial) write_totals(context, plan, modes, units, work.memory.weight_total);
}

template <class T>
void depthwise_join_task(const Conv2dContext<T>& context, const Conv2dDepthwisePlan& plan, const DepthwiseModes& modes,
                         std::int64_t task, T* partials) noexcept {
    const auto partial = [&](std::int64_t segment_group) {
        return partials + (segment_group * plan.unit_blocks + task) * plan.partial_elements();
    };
    join_partials(*context.kernels.pack, plan.segment_groups, {0, plan.partial_elements()}, partial);
    write_totals(context, plan, modes, plan.unit_block(task), partial(0));
}

template DepthwisePanel<float> read_panel<float>(const Conv2dContext<float>&, const TensorView<const float>&,
                                                 std::int64_t, std::int64_t, std::int64_t, Range,
                                                 const plan::DepthwiseWindow&, float*) noexcept;
template DepthwisePanel<double> read_panel<double>(const Conv2dContext<double>&, const TensorView<const double>&,
                                                   std::int64_t, std::int64_t, std::int64_t, Range,
                                                   const plan::DepthwiseWindow&, double*) noexcept;
template void depthwise_task<float>(const Conv2dContext<float>&, const Conv2dDepthwisePlan&, const DepthwiseModes&,
                                    std::int64_t, float*, Scratch<float>) noexcept;
template void depthwise_task<double>(const Conv2dContext<double>&, const Conv2dDepthwisePlan&, const DepthwiseModes&,
                                     std::int64_t, double*, Scratch<double>) noexcept;
template void depthwise_join_task<float>(const Conv2dContext<float>&, const Conv2dDepthwisePlan&, const DepthwiseModes&,
                                         std::int64_t, float*) noexcept;
template void depthwise_join_task<double>(const Conv2dContext<double>&, const Conv2dDepthwisePlan&,
                                          const DepthwiseModes&, std::int64_t, double*) noexcept;

}  // namespace backgrad::ops
