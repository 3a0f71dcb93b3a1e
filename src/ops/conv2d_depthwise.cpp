#include "ops/conv2d_depthwise.hpp"

#include "ops/conv2d_bias.hpp"
#include "ops/conv2d_depthwise_parts.hpp"
#include "ops/conv2d_depthwise_plane_input.hpp"
#include "ops/conv2d_depthwise_planes.hpp"
#include "ops/conv2d_depthwise_rows.hpp"

#include <algorithm>

namespace backgrad::ops {

namespace {

using kernels::Finish;
using plan::Conv2dDepthwisePlan;
using plan::DepthwiseStrip;
using plan::PixelBox;
using plan::Range;

/// What a task keeps for its block of units.
template <class T>
struct BlockMemory {
    T *weight_total, *bias_total;  ///< one partial sum: [unit][tap][lane] and [channel]
    T *weight_sums, *bias_sums;    ///< of the current segment
    T* spare;                      ///< as large as the weight sums of a unit
    T *weights, *weights_finite;   ///< packed [unit][tap][lane]; 1 or 0 per unit
    T *source, *input, *target;    ///< panels of some units: grad_output, input, grad_input
    T *chains, *plane_sums;        ///< of a unit, where sums are taken over planes
    const kernels::DepthwisePlaneBlock* plane_blocks;
};

template <class T>
BlockMemory<T> lay_out(const Conv2dDepthwisePlan& plan, T* partial, Scratch<T>& scratch) {
    const std::int64_t units = plan.units_per_block;
    BlockMemory<T> memory{};
    memory.weight_total = partial ? partial : scratch.take(plan.partial_elements());
    memory.bias_total = memory.weight_total + units * plan.weight_elements;
    memory.weight_sums = scratch.take(units * plan.weight_elements);
    memory.bias_sums = scratch.take(units * plan.unit_channels);
    memory.spare = scratch.take(plan.weight_elements);
    memory.weights = scratch.take(units * plan.weight_elements);
    memory.weights_finite = scratch.take(units);
    memory.source = scratch.take(plan.units_at_once * plan.source_elements);
    memory.input = scratch.take(plan.units_at_once * plan.input_elements);
    memory.target = scratch.take(plan.units_at_once * plan.target_elements);
    memory.chains = scratch.take(plan.chain_elements);
    memory.plane_sums = scratch.take(plan.plane_sum_elements);
    memory.plane_blocks = fill_plane_blocks(plan.planes, scratch.take(plan.plane_block_elements));
    return memory;
}

/// A task: the units of a block over the segments of a group, strip by strip.
template <class T>
struct BlockWork {
    const Conv2dContext<T>& context;
    const Conv2dDepthwisePlan& plan;
    const DepthwiseModes& modes;
    Range units;
    BlockMemory<T> memory;

    void run(Range segments) const {
        if (plan.gradients.input) pack_weights();
        if (plan.sums()) context.kernels.pack->clear(memory.weight_total, plan.partial_elements());
        while (segments.size() > 0) {
            const PixelBox box = plan.segments.box(segments.begin);
            for (std::int64_t n = box.image_begin; n < box.image_end; ++n) {
                const DepthwiseStrip strip = plan::depthwise_strip(context.problem, plan, segments, n);
                if (plan.source_panels()) add_strip(strip);
                if (plan.sums() && plan.over_planes && strip.ends) add_plane_sums(strip.segments);
                if (plan.sums() && plan.over_rows) add_row_sums(strip);
                if (strip.ends) segments.begin = strip.segments.end;
            }
        }
    }

private:
    std::int64_t lanes() const { return plan.unit_channels; }
    T* weights(std::int64_t unit) const { return memory.weights + (unit - units.begin) * plan.weight_elements; }

    void pack_weights() const {
        for (std::int64_t u = units.begin; u < units.end; ++u) {
            const bool finite = pack_depthwise_weight(context, plan.unit_range({u, u + 1}), lanes(), weights(u));
            memory.weights_finite[u - units.begin] = finite ? T(1) : T(0);
        }
    }

    /// Everything that is asked for, of all units.
    void add_strip(const DepthwiseStrip& strip) const {
        for (std::int64_t u = units.begin; u < units.end; u += plan.units_at_once)
            add_units(strip, {u, std::min(u + plan.units_at_once, units.end)});
    }

    /// Whether nothing of a unit needs panels.
    bool over_planes(std::int64_t unit) const {
        return has_plane_input(context, plan) && memory.weights_finite[unit - units.begin] == T(1);
    }

    void add_units(const DepthwiseStrip& strip, Range part) const {
        const plan::Conv2dProblem& p = context.problem;
        if (over_planes(part.begin))
            return compute_plane_input(context, plan, strip, plan.unit_range(part), weights(part.begin), modes.input);
        read(context.grad_output(0), strip.image, part, strip.source_rows, p.out_width, plan.source_elements,
             memory.source);
        if (plan.input_panels())
            read(context.input(0), strip.image, part, strip.input_rows, p.in_width, plan.input_elements, memory.input);
        for (std::int64_t u = part.begin; u < part.end; ++u) {
            const std::int64_t i = u - part.begin;
            const DepthwiseRows<const T> source{memory.source + i * plan.source_elements, strip.source_rows,
                                                p.out_width * lanes(), lanes()};
            if (plan.sums_from_panels())
                add_sums(strip, u, source,
                         {memory.input + i * plan.input_elements, strip.input_rows, p.in_width * lanes(), lanes()});
            if (plan.gradients.input)
                compute_depthwise_input(
                    context, plan, source, weights(u), memory.weights_finite[u - units.begin] == T(1),
                    {memory.target + i * plan.target_elements, strip.target_rows, p.in_width * lanes(), lanes()});
        }
        if (plan.gradients.input && strip.target_rows.size() > 0) write(strip, part);
    }

    void add_sums(const DepthwiseStrip& strip, std::int64_t unit, const DepthwiseRows<const T>& source,
                  const DepthwiseRows<const T>& input) const {
        const auto& pack = *context.kernels.pack;
        const std::int64_t u = unit - units.begin;
        T* sums = memory.weight_sums + u * plan.weight_elements;
        T* bias = memory.bias_sums + u * lanes();
        for (std::int64_t s = strip.segments.begin; s < strip.segments.end; ++s) {
            const PixelBox box = plan.segments.box(s);
            if (strip.begins) {
                pack.clear(sums, plan.weight_elements);
                pack.clear(bias, lanes());
            }
            if (plan.gradients.weight)
                add_depthwise_weight(context, box, source, input, lanes(), sums, bias, memory.spare);
            else add_depthwise_bias(context, box, source, lanes(), bias);
            if (strip.ends) add_totals(u, sums, bias);
        }
    }

    void add_plane_sums(Range segments) const {
        const PlaneSums<T> sums{context, plan, memory.plane_blocks, memory.chains};
        for (std::int64_t s = segments.begin; s < segments.end; ++s)
            for (std::int64_t u = units.begin; u < units.end; ++u) {
                sums.compute(plan.segments.box(s), plan.unit_range({u, u + 1}), memory.plane_sums);
                add_totals(u - units.begin, memory.plane_sums, memory.plane_sums + plan.weight_elements);
            }
    }

    void add_row_sums(const DepthwiseStrip& strip) const {
        const RowSums<T> rows{context, plan};
        const std::int64_t elements = units.size() * plan.weight_elements;
        for (std::int64_t s = strip.segments.begin; s < strip.segments.end; ++s) {
            PixelBox box = plan.segments.box(s);
            box.image_begin = strip.image;
            box.image_end = strip.image + 1;
            if (strip.begins) {
                context.kernels.pack->clear(memory.weight_sums, elements);
                context.kernels.pack->clear(memory.bias_sums, units.size() * lanes());
            }
            rows.add(box, units, memory.weight_sums, memory.bias_sums);
            if (!strip.ends) continue;
            add_total(memory.weight_sums, elements, memory.weight_total);
            add_total(memory.bias_sums, units.size() * lanes(), memory.bias_total);
        }
    }

    /// Adds the finished sums of a segment of the u-th unit.
    void add_totals(std::int64_t u, const T* sums, const T* bias) const {
        add_total(sums, plan.weight_elements, memory.weight_total + u * plan.weight_elements);
        add_total(bias, lanes(), memory.bias_total + u * lanes());
    }

    void add_total(const T* sums, std::int64_t size, T* total) const {
        context.kernels.pack->copy_out(sums, size, 1, size, total, size, 1, Finish::add);
    }

    /// Copies rows of some units to their panels, which lie `panel` elements apart.
    void read(const TensorView<const T>& tensor, std::int64_t image, Range part, Range rows, std::int64_t width,
              std::int64_t panel, T* to) const {
        const auto& kernels = *context.kernels.depthwise->panel;
        const Range channels = plan.unit_range(part);
        const bool whole_rows = tensor.row == width * tensor.pixel;
        const std::int64_t steps = whole_rows ? 1 : rows.size(), pixels = whole_rows ? rows.size() * width : width;
        for (std::int64_t y = 0; y < steps; ++y, to += pixels * lanes()) {
            const T* from = tensor.at(image, channels.begin, rows.begin + y, 0);
            if (context.problem.layout == Layout::nchw)
                kernels.read_planes(from, tensor.channel, static_cast<int>(channels.size()), pixels, to);
            else kernels.read_pixels(from, tensor.pixel, channels.size(), pixels, to, panel);
        }
    }

    /// Copies the panels of some units to grad_input.
    void write(const DepthwiseStrip& strip, Range part) const {
        const auto& kernels = *context.kernels.depthwise->panel;
        const TensorView<T> tensor = context.grad_input(0);
        const Range channels = plan.unit_range(part);
        const std::int64_t pixels = strip.target_rows.size() * context.problem.in_width;
        const bool accumulate = modes.input == WriteMode::accumulate;
        T* to = tensor.at(strip.image, channels.begin, strip.target_rows.begin, 0);
        if (context.problem.layout == Layout::nchw)
            kernels.write_planes(memory.target, static_cast<int>(channels.size()), pixels, to, tensor.channel,
                                 accumulate, plan.streaming);
        else
            kernels.write_pixels(memory.target, plan.target_elements, channels.size(), pixels, to, tensor.pixel,
                                 accumulate, plan.streaming);
    }
};

/// Writes the finished sums of a block.
template <class T>
void write_totals(const Conv2dContext<T>& context, const Conv2dDepthwisePlan& plan, const DepthwiseModes& modes,
                  Range units, const T* total) {
    const auto& pack = *context.kernels.pack;
    const std::int64_t taps = context.problem.taps(), lanes = plan.unit_channels;
    if (plan.gradients.bias) {
        const Range channels = plan.unit_range(units);
        pack.copy_out(total + plan.units_per_block * plan.weight_elements, channels.size(), 1, channels.size(),
                      context.arguments.grad_bias + channels.begin, channels.size(), 1, finish_of(modes.bias));
    }
    if (!plan.gradients.weight) return;
    for (std::int64_t u = units.begin; u < units.end; ++u) {
        const Range channels = plan.unit_range({u, u + 1});
        pack.transpose_out(total + (u - units.begin) * plan.weight_elements, lanes, taps, channels.size(),
                           context.arguments.grad_weight + channels.begin * taps, taps, finish_of(modes.weight));
    }
}

/// Joins the partial sums of a task's block as far as they are finished; returns the total once it is, else null.
template <class T>
const T* join_block(const Conv2dContext<T>& context, const Conv2dDepthwisePlan& plan, std::int64_t task, T* partials,
                    const Arrivals& arrivals) {
    const auto counter = [&](std::int64_t segment_group) {
        return segment_group * plan.unit_blocks + task % plan.unit_blocks;
    };
    const auto partial = [&](std::int64_t segment_group) {
        return partials + counter(segment_group) * plan.partial_elements();
    };
    const auto add = [&](std::int64_t left, std::int64_t right) {
        add_stretch(*context.kernels.pack, partial(right), plan.partial_elements(), partial(left));
    };
    return join_finished(arrivals, plan.segment_groups, task / plan.unit_blocks, counter, add) ? partial(0) : nullptr;
}

}  // namespace

template <class T>
void depthwise_task(const Conv2dContext<T>& context, const Conv2dDepthwisePlan& plan, const DepthwiseModes& modes,
                    std::int64_t task, T* partials, const Arrivals& arrivals, Scratch<T> scratch) noexcept {
    const Range units = plan.unit_block(task % plan.unit_blocks);
    T* partial = plan.partials() ? partials + task * plan.partial_elements() : nullptr;
    const BlockWork<T> work{context, plan, modes, units, lay_out(plan, partial, scratch)};
    work.run(plan.segment_group(task / plan.unit_blocks));
    if (!plan.sums()) return;
    const T* const total = partial ? join_block(context, plan, task, partials, arrivals) : work.memory.weight_total;
    if (total) write_totals(context, plan, modes, units, total);
}

template void depthwise_task<float>(const Conv2dContext<float>&, const Conv2dDepthwisePlan&, const DepthwiseModes&,
                                    std::int64_t, float*, const Arrivals&, Scratch<float>) noexcept;
template void depthwise_task<double>(const Conv2dContext<double>&, const Conv2dDepthwisePlan&, const DepthwiseModes&,
                                     std::int64_t, double*, const Arrivals&, Scratch<double>) noexcept;

}  // namespace backgrad::ops
