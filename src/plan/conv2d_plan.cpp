#include "plan/conv2d_plan.hpp"

#include <algorithm>
#include <limits>

namespace backgrad::plan {

namespace {

void size_workspace(Conv2dPlan& plan) {
    const auto need = [&plan](std::int64_t& shared, std::int64_t shared_elements, std::int64_t worker_elements) {
        shared = round_up(shared_elements, 16);
        plan.worker_elements = std::max(plan.worker_elements, round_up(worker_elements, 16));
    };
    if (plan.weight) need(plan.shared.weight_partials, plan.weight->shared_elements, plan.weight->worker_elements);
    if (plan.bias) need(plan.shared.bias_partials, plan.bias->shared_elements, plan.bias->worker_elements);
    if (plan.input) need(plan.shared.packed_weights, plan.input->packed_elements, plan.input->worker_elements);
    if (plan.input) plan.shared.tap_sums = round_up(plan.input->shared_sums, 16);
    if (plan.depthwise)
        need(plan.shared.depthwise_partials, plan.depthwise->shared_elements, plan.depthwise->worker_elements);
    // As many elements of any type as there are counters hold them.
    plan.shared.counters = round_up(plan.counters(), 16);
}

/// The strategy by which the sums over the batch are cut where only `images` of it are there at a time. Few of the
/// segment groups then have work at once, and each must be cut finer: as if there were more threads for all.
Strategy for_some_images(const Conv2dProblem& p, std::size_t element_bytes, Strategy strategy, std::int64_t images) {
    if (strategy.threads <= 1) return strategy;
    const Conv2dProblem summed = weight_problem(p, element_bytes);
    const Segments segments = weight_segments(summed, weight_family(p, element_bytes), element_bytes);
    const std::int64_t groups = segment_groups(summed, element_bytes, segments, strategy);
    const std::int64_t at_once = std::max<std::int64_t>(1, groups * images / std::max<std::int64_t>(1, p.batch));
    const std::int64_t threads = strategy.threads * groups / at_once;
    strategy.threads = static_cast<int>(std::min<std::int64_t>(threads, std::numeric_limits<int>::max()));
    return strategy;
}

/// Puts the tasks of the sums over pixels, which are numbered segment group by segment group, into an order in which
/// workers are equally busy.
template <class Sums>
void put_evenly(const Sums& sums, MainTasks list, int workers, std::vector<OrderedTask>& tasks) {
    if (workers == 1 || sums.tasks == 0) return;
    std::vector<std::int64_t> pixels;
    for (std::int64_t g = 0; g < sums.segment_groups; ++g) {
        const Range segments = sums.segment_group(g);
        pixels.push_back(sums.segments.pixels_before(segments.end) - sums.segments.pixels_before(segments.begin));
    }
    const std::vector<std::int64_t> order = even_order(pixels, sums.tasks / sums.segment_groups, workers);
    for (OrderedTask& task : tasks)
        if (static_cast<MainTasks>(task.list) == list) task.task = order[static_cast<std::size_t>(task.task)];
}

}  // namespace

namespace {

/// The plan of everything; `images` at a time of the batch.
Conv2dPlan plan_blocked(const Conv2dProblem& p, const Conv2dGradients& gradients, const Conv2dTiles& tiles,
                        std::size_t element_bytes, const Strategy& strategy, std::int64_t images,
                        const Conv2dBlocking& blocking) {
    const RegisterTiles& dense = tiles.dense;
    const auto weight_plan = [&](const Strategy& sums, bool continued) {
        if (!blocking.weight) return plan_weight(p, dense, element_bytes, sums, continued);
        return plan_weight(p, blocking.weight->way, blocking.weight->cut, dense, element_bytes, sums, continued);
    };
    const auto input_plan = [&](const Conv2dProblem& part, bool continued) {
        if (!blocking.input) return plan_input(part, dense, element_bytes, strategy, continued);
        return plan_input(part, blocking.input->way, blocking.input->cut, dense, element_bytes, strategy);
    };
    Conv2dPlan plan;
    const bool continued = images < p.batch;
    Conv2dProblem part = p;
    part.batch = std::min(p.batch, images);
    if (continued) part.images = images;
    const Strategy sums = continued ? for_some_images(p, element_bytes, strategy, images) : strategy;
    const bool same_output = p.grad_output_height == p.out_height && p.grad_output_width == p.out_width;
    const bool any_input = gradients.input && p.input_elements() > 0;
    if (lane_group(p, element_bytes) > 0 && p.batch * p.pixels_out() > 0) {
        const Conv2dGradients together{any_input, gradients.weight, gradients.bias && same_output};
        plan.depthwise =
            plan_depthwise(p, together, blocking.depthwise.value_or(depthwise_way(p, together, element_bytes)),
                           tiles.depthwise, element_bytes, strategy);
    } else {
        if (gradients.weight && p.weight_elements() > 0) plan.weight = weight_plan(sums, continued);
        if (any_input) plan.input = input_plan(part, continued);
    }
    const bool with_weights = plan.depthwise || (plan.weight && !plan.weight->exchanged);
    if (gradients.bias && p.out_channels > 0 && !(with_weights && same_output))
        plan.bias = plan_bias(p, element_bytes, sums);
    size_workspace(plan);
    const int workers = std::max(1, strategy.threads);
    plan.main_tasks = interleave({plan.weight ? plan.weight->tasks : 0, plan.bias ? plan.bias->tasks : 0,
                                  plan.depthwise ? plan.depthwise->tasks : 0, plan.input ? plan.input->tasks : 0},
                                 workers);
    if (plan.weight) put_evenly(*plan.weight, MainTasks::weight, workers, plan.main_tasks);
    if (plan.depthwise) put_evenly(*plan.depthwise, MainTasks::depthwise, workers, plan.main_tasks);
    return plan;
}

}  // namespace

Conv2dPlan plan_conv2d(const Conv2dProblem& p, const Conv2dGradients& gradients, const Conv2dTiles& tiles,
                       std::size_t element_bytes, const Strategy& strategy) {
    return plan_blocked(p, gradients, tiles, element_bytes, strategy, p.batch, {});
}

Conv2dPlan plan_conv2d(const Conv2dProblem& p, const Conv2dGradients& gradients, const Conv2dTiles& tiles,
                       std::size_t element_bytes, const Strategy& strategy, const Conv2dBlocking& blocking) {
    return plan_blocked(p, gradients, tiles, element_bytes, strategy, p.batch, blocking);
}

Conv2dPlan plan_conv2d(const Conv2dProblem& p, const Conv2dGradients& gradients, const Conv2dTiles& tiles,
                       std::size_t element_bytes, const Strategy& strategy, std::int64_t images) {
    return plan_blocked(p, gradients, tiles, element_bytes, strategy, images, {});
}

void put_input_last(Conv2dPlan& plan) {
    const auto first_late = std::stable_partition(
        plan.main_tasks.begin(), plan.main_tasks.end(),
        [](const OrderedTask& task) { return static_cast<MainTasks>(task.list) != MainTasks::input; });
    plan.late_tasks.assign(first_late, plan.main_tasks.end());
    plan.main_tasks.erase(first_late, plan.main_tasks.end());
}

}  // namespace backgrad::plan
