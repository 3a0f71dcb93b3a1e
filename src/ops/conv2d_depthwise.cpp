#include "ops/conv2d_depthwise.hpp"

#include "ops/conv2d_bias.hpp"
#include "ops/conv2d_depthwise_parts.hpp"
#include "ops/conv2d_depthwise_plane_input.hpp"
#include "ops/conv2d_depthwise_planes.hpp"
#include "ops/conv2d_depthwise_row_input.hpp"
#include "ops/conv2d_depthwise_rows.hpp"
#include "ops/conv2d_prefetch.hpp"

#include <algorithm>
#include <optional>

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
    T *weight_total, *bias_total;  ///< one partial sum: [unit] of add_depthwise_weight's state, and [channel]
    T *weight_sums, *bias_sums;    ///< of the current segment
    T* spare;                      ///< as large as the weight sums of a unit
    T *weights, *weights_finite;   ///< of pack_depthwise_weight for each unit; 1 or 0 per unit
    T *source, *input, *target;    ///< panels of some units: grad_output, input, grad_input
    T* stage;                      ///< rows of grad_input on their way past the caches
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
    memory.stage = scratch.take(plan.stage_elements);
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
    PrefetchList<T>& ahead;  ///< what comes next

    void run(const Range& segments) const {
        if (plan.gradients.input) pack_weights();
        if (plan.sums()) context.kernels.pack->clear(memory.weight_total, plan.partial_elements());
        if (segments.size() == 0) return;
        // Rows of all strips leave the margins as they are.
        if (plan.margins() > 0 && needs_panels())
            context.kernels.pack->clear(memory.source, plan.units_at_once * plan.source_elements);
        std::optional<DepthwiseStrip> strip = strip_at(segments, plan.segments.box(segments.begin).image_begin);
        while (strip) {
            const std::optional<DepthwiseStrip> next = strip_after(*strip, segments.end);
            if (plan.source_panels()) add_strip(*strip, next);
            if (plan.input_over_rows)
                compute_row_input(context, plan, *strip, units, weights(units.begin), modes.input);
            if (plan.sums() && plan.over_planes && strip->ends) add_plane_sums(strip->segments);
            if (plan.sums() && plan.over_rows) add_row_sums(*strip);
            strip = next;
        }
        if (plan.streaming) context.kernels.tile->fence();
    }

private:
    T* weights(std::int64_t unit) const { return memory.weights + (unit - units.begin) * plan.weight_elements; }

    DepthwiseStrip strip_at(const Range& segments, std::int64_t image) const {
        return plan::depthwise_strip(context.problem, plan, segments, image);
    }
    std::optional<DepthwiseStrip> strip_after(const DepthwiseStrip& strip, std::int64_t end) const {
        if (!strip.ends) return strip_at({strip.segments.begin, end}, strip.image + 1);
        const std::int64_t begin = strip.segments.end;
        if (begin == end) return std::nullopt;
        return strip_at({begin, end}, plan.segments.box(begin).image_begin);
    }

    void pack_weights() const {
        for (std::int64_t u = units.begin; u < units.end; ++u) {
            const bool finite = pack_depthwise_weight(context, plan, plan.unit_range({u, u + 1}), weights(u));
            memory.weights_finite[u - units.begin] = finite ? T(1) : T(0);
        }
    }

    /// Everything that is asked for, of all units.
    void add_strip(const DepthwiseStrip& strip, const std::optional<DepthwiseStrip>& next) const {
        for (std::int64_t u = units.begin; u < units.end; u += plan.units_at_once) {
            const Range part = units_from(u);
            ahead.clear();
            if (part.end < units.end) fetch_ahead(strip, units_from(part.end));
            else if (next) fetch_ahead(*next, units_from(units.begin));
            add_units(strip, part);
        }
    }

    Range units_from(std::int64_t unit) const { return {unit, std::min(unit + plan.units_at_once, units.end)}; }

    /// Lists what some units of a strip read, for the kernels of narrow groups.
    void fetch_ahead(const DepthwiseStrip& strip, const Range& part) const {
        if (plan.group_channels == 1) return;
        const Range channels = plan.unit_range(part);
        const auto list = [&](const TensorView<const T>& tensor, const Range& rows, std::int64_t width) {
            for_each_row_run(
                tensor, strip.image, channels.begin, rows, 0, width,
                [&](const T* from, std::int64_t pixels) { ahead.add(tensor, from, channels.size(), pixels); });
        };
        list(context.grad_output(0), strip.source_rows, context.problem.out_width);
        if (plan.input_panels()) list(context.input(0), strip.input_rows, context.problem.in_width);
    }

    bool needs_panels() const {
        for (std::int64_t u = units.begin; u < units.end; u += plan.units_at_once)
            if (!over_planes(u)) return true;
        return false;
    }

    /// Whether nothing of a unit needs panels.
    bool over_planes(std::int64_t unit) const {
        return has_plane_input(context, plan) && memory.weights_finite[unit - units.begin] == T(1);
    }

    void add_units(const DepthwiseStrip& strip, Range part) const {
        const plan::Conv2dProblem& p = context.problem;
        if (over_planes(part.begin))
            return compute_plane_input(context, plan, strip, plan.unit_range(part), weights(part.begin), modes.input,
                                       memory.stage);
        read(context.grad_output(0), strip.image, part, strip.source_rows, p.out_width, plan.source_elements,
             plan.margins(), source_panel(part.begin, part.begin));
        if (plan.input_panels())
            read(context.input(0), strip.image, part, strip.input_rows, p.in_width, plan.input_elements, 0,
                 memory.input);
        for (std::int64_t u = part.begin; u < part.end; ++u) {
            const std::int64_t i = u - part.begin;
            const DepthwiseRows<const T> source{source_panel(part.begin, u), strip.source_rows,
                                                (p.out_width + plan.margins()) * plan.unit_channels,
                                                plan.unit_channels};
            if (plan.sums_from_panels())
                add_sums(strip, u, source,
                         {memory.input + i * plan.input_elements, strip.input_rows, p.in_width * plan.unit_channels,
                          plan.unit_channels});
            if (plan.gradients.input)
                compute_depthwise_input(context, plan, source, weights(u),
                                        memory.weights_finite[u - units.begin] == T(1), target(strip, u, i),
                                        ahead.queue());
        }
        if (plan.gradients.input && !writes_in_place() && strip.target_rows.size() > 0) write(strip, part);
    }

    /// The first pixel of the panel of a unit, where panels begin with that of `first`.
    T* source_panel(std::int64_t first, std::int64_t unit) const {
        return memory.source + (unit - first) * plan.source_elements + plan.margin_left * plan.unit_channels;
    }

    /// Whether tiles write grad_input's pixels where they go: they can neither add nor go past the caches.
    bool writes_in_place() const {
        return plan.target_in_place && modes.input == WriteMode::overwrite && !plan.streaming;
    }

    /// The rows of grad_input of a unit, or its panel, the i-th.
    DepthwiseRows<T> target(const DepthwiseStrip& strip, std::int64_t unit, std::int64_t i) const {
        if (writes_in_place()) {
            const TensorView<T> tensor = context.grad_input(0);
            return {tensor.at(strip.image, unit * plan.unit_channels, strip.target_rows.begin, 0), strip.target_rows,
                    tensor.row, tensor.pixel};
        }
        return {memory.target + i * plan.target_elements, strip.target_rows,
                context.problem.in_width * plan.unit_channels, plan.unit_channels};
    }

    void add_sums(const DepthwiseStrip& strip, std::int64_t unit, const DepthwiseRows<const T>& source,
                  const DepthwiseRows<const T>& input) const {
        const auto& pack = *context.kernels.pack;
        const std::int64_t u = unit - units.begin;
        T* sums = memory.weight_sums + u * plan.weight_elements;
        T* bias = memory.bias_sums + u * plan.unit_channels;
        for (std::int64_t s = strip.segments.begin; s < strip.segments.end; ++s) {
            const PixelBox box = plan.segments.box(s);
            if (strip.begins) {
                pack.clear(sums, plan.weight_elements);
                pack.clear(bias, plan.unit_channels);
            }
            if (plan.gradients.weight)
                add_depthwise_weight(context, plan, box, source, input, sums, bias, memory.spare, ahead.queue());
            else add_depthwise_bias(context, plan, box, source, bias);
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
                context.kernels.pack->clear(memory.bias_sums, units.size() * plan.unit_channels);
            }
            rows.add(box, units, memory.weight_sums, memory.bias_sums);
            if (!strip.ends) continue;
            add_total(memory.weight_sums, elements, memory.weight_total);
            add_total(memory.bias_sums, units.size() * plan.unit_channels, memory.bias_total);
        }
    }

    /// Adds the finished sums of a segment of the u-th unit.
    void add_totals(std::int64_t u, const T* sums, const T* bias) const {
        add_total(sums, plan.weight_elements, memory.weight_total + u * plan.weight_elements);
        add_total(bias, plan.unit_channels, memory.bias_total + u * plan.unit_channels);
    }

    void add_total(const T* sums, std::int64_t size, T* total) const {
        context.kernels.pack->copy_out(sums, size, 1, size, total, size, 1, Finish::add);
    }

    /// Copies rows of some units to their panels, which lie `panel` elements apart, with `margins` columns behind each.
    void read(const TensorView<const T>& tensor, std::int64_t image, Range part, Range rows, std::int64_t width,
              std::int64_t panel, std::int64_t margins, T* to) const {
        const auto& kernels = *context.kernels.depthwise->panel;
        const Range channels = plan.unit_range(part);
        const std::int64_t unit = plan.unit_channels;
        const kernels::DepthwisePanelRows panel_rows{width, margins * unit};
        for_each_row_run(tensor, image, channels.begin, rows, 0, width, [&](const T* from, std::int64_t pixels) {
            if (context.problem.layout == Layout::nhwc) {
                kernels.read_pixels(from, tensor.pixel, channels.size(), pixels, to, {panel, unit}, panel_rows);
            } else {
                for_each_vector(channels.size(), [&](std::int64_t c, int count) {
                    kernels.read_planes(from + c * tensor.channel, tensor.channel, count, pixels, to + c, unit,
                                        panel_rows);
                });
            }
            if (width > 0) to += pixels * unit + pixels / width * panel_rows.margin;
        });
    }

    /// Copies the panels of some units to grad_input.
    void write(const DepthwiseStrip& strip, Range part) const {
        const auto& kernels = *context.kernels.depthwise->panel;
        const TensorView<T> tensor = context.grad_input(0);
        const Range channels = plan.unit_range(part);
        const std::int64_t pixels = strip.target_rows.size() * context.problem.in_width;
        const bool accumulate = modes.input == WriteMode::accumulate;
        T* to = tensor.at(strip.image, channels.begin, strip.target_rows.begin, 0);
        if (context.problem.layout == Layout::nhwc)
            return kernels.write_pixels(memory.target, {plan.target_elements, plan.unit_channels}, channels.size(),
                                        pixels, to, tensor.pixel, accumulate, plan.streaming);
        for_each_vector(channels.size(), [&](std::int64_t c, int count) {
            kernels.write_planes(memory.target + c, plan.unit_channels, count, pixels, to + c * tensor.channel,
                                 tensor.channel, accumulate, plan.streaming);
        });
    }

    /// Calls f(first channel, how many) for the vectors of a unit.
    template <class F>
    void for_each_vector(std::int64_t channels, F f) const {
        for (std::int64_t c = 0; c < channels; c += plan.lanes)
            f(c, static_cast<int>(std::min(plan.lanes, channels - c)));
    }
};

/// Writes the finished sums of a block.
template <class T>
void write_totals(const Conv2dContext<T>& context, const Conv2dDepthwisePlan& plan, const DepthwiseModes& modes,
                  Range units, const T* total) {
    const auto& pack = *context.kernels.pack;
    const std::int64_t taps = context.problem.taps(), unit = plan.unit_channels;
    if (plan.gradients.bias) {
        const Range channels = plan.unit_range(units);
        pack.copy_out(total + plan.units_per_block * plan.weight_elements, channels.size(), 1, channels.size(),
                      context.arguments.grad_bias + channels.begin, channels.size(), 1, finish_of(modes.bias));
    }
    if (!plan.gradients.weight) return;
    const std::int64_t group = plan.group_channels;
    const Finish finish = finish_of(modes.weight);
    for (std::int64_t u = units.begin; u < units.end; ++u) {
        const Range channels = plan.unit_range({u, u + 1});
        const T* sums = total + (u - units.begin) * plan.weight_elements;
        T* to = context.arguments.grad_weight + channels.begin * group * taps;
        if (group == 1) pack.transpose_out(sums, unit, taps, channels.size(), to, taps, finish);
        // Each channel of grad_output has sums for the channels of its group.
        for (std::int64_t c = 0; group > 1 && c < channels.size(); ++c, to += group * taps) {
            const T* const from = sums + c % group * unit + c / group * group;
            if (context.problem.weight_ohwi) pack.copy_out(from, group * unit, taps, group, to, group, 1, finish);
            else pack.transpose_out(from, group * unit, taps, group, to, taps, finish);
        }
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
    PrefetchList<T> ahead;
    const BlockWork<T> work{context, plan, modes, units, lay_out(plan, partial, scratch), ahead};
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
