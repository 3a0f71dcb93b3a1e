#include "predict/phases.hpp"

#include "cost.hpp"
#include "ops/conv2d_work.hpp"
#include "predict/recorder.hpp"
#include "problem.hpp"
#include "threads/cache.hpp"
#include "variants/backgrad_variant.hpp"

#include <algorithm>
#include <memory>
#include <numeric>

namespace backgrad::bench {
namespace {

// Other programs disturb some tasks of each pass; slow plans have longer tasks, of which they disturb a smaller part.
constexpr int most_passes = 12, least_passes = 3;
constexpr double seconds_of_passes = 0.3;

bool has_model(const Cell& cell) {
    return cell.operation == Operation::conv2d_backward || cell.operation == Operation::conv2d_backward_input ||
           cell.operation == Operation::conv2d_backward_weight;
}

/// The cell on a recorder with its number of workers, and one run of it.
template <class T>
std::vector<std::vector<double>> record(Cell cell, const std::vector<Problem<T>>& sets, Recorder::Tasks tasks,
                                        int least_passes, int most_passes) {
    Recorder recorder(cell.threads, tasks);
    cell.executor = &recorder;
    const std::unique_ptr<Runnable> runnable = prepare_backgrad<T>(cell, std::span<const Problem<T>>(sets));
    std::vector<std::vector<double>> least;
    double spent = 0;
    for (int pass = 0; pass < least_passes || (pass < most_passes && spent < seconds_of_passes); ++pass) {
        runnable->run(0);
        const auto seconds = recorder.take();
        for (const auto& tasks_of : seconds) spent += std::accumulate(tasks_of.begin(), tasks_of.end(), 0.0);
        if (least.empty()) least = seconds;
        for (std::size_t phase = 0; phase < least.size(); ++phase) {
            std::transform(seconds[phase].begin(), seconds[phase].end(), least[phase].begin(), least[phase].begin(),
                           [](double a, double b) { return std::min(a, b); });
        }
    }
    return least;
}

plan::Work model_of_conv2d(Cell cell) {
    Recorder workers(cell.threads, Recorder::Tasks::counted);
    cell.executor = &workers;
    const Conv2dBackwardOptions options = conv2d_options(cell, nullptr);
    return cell.dtype == Dtype::f32 ? ops::conv2d_work<float>(conv2d_shape(cell.shape), options)
                                    : ops::conv2d_work<double>(conv2d_shape(cell.shape), options);
}

template <class T>
plan::Work model_of_equal_tasks(const Cell& cell, const std::vector<Problem<T>>& sets) {
    const double bytes = cost_of(cell).bytes;
    const auto phases = record<T>(cell, sets, Recorder::Tasks::counted, 1, 1);
    const double share = bytes / static_cast<double>(phases.size());
    plan::Work work;
    for (const auto& tasks : phases) {
        work.phases.push_back({std::vector<double>(tasks.size(), share / static_cast<double>(tasks.size())), share});
    }
    return work;
}

template <class T>
plan::Work model_of(const Cell& cell, const std::vector<Problem<T>>& sets) {
    return has_model(cell) ? model_of_conv2d(cell) : model_of_equal_tasks<T>(cell, sets);
}

std::int64_t count_tasks(const std::vector<VirtualPhase>& phases) {
    std::size_t tasks = 0;
    for (const VirtualPhase& phase : phases) tasks += phase.task_seconds.size();
    return static_cast<std::int64_t>(tasks);
}

VirtualPlan plan_on(const plan::Work& work, const Machine& machine, int workers) {
    const double flops_per_second = machine.gflops_per_core * 1e9 * machine.core_share(workers);
    VirtualPlan plan;
    for (const plan::PhaseWork& phase : work.phases) {
        VirtualPhase& virtual_phase = plan.phases.emplace_back();
        for (const double flops : phase.flops) virtual_phase.task_seconds.push_back(flops / flops_per_second);
        virtual_phase.memory_seconds = phase.bytes / machine.bandwidth(workers);
    }
    plan.tasks = count_tasks(plan.phases);
    plan.partial_bytes = work.partial_bytes;
    return plan;
}

template <class T>
std::vector<VirtualPlan> model_plans(const std::vector<Cell>& cells, const Machine& machine) {
    std::vector<Problem<T>> sets;
    if (!has_model(cells.front())) sets.emplace_back(cells.front());
    std::vector<VirtualPlan> plans;
    for (const Cell& cell : cells) plans.push_back(plan_on(model_of<T>(cell, sets), machine, cell.threads));
    return plans;
}

template <class T>
std::vector<VirtualPlan> measure_plans(const std::vector<Cell>& cells, double gbps_per_core) {
    std::vector<Problem<T>> sets;
    sets.emplace_back(cells.front());
    const bool cached = static_cast<std::int64_t>(sets[0].bytes()) <= threads::last_level_cache_bytes();
    std::vector<VirtualPlan> plans;
    for (const Cell& cell : cells) {
        const plan::Work work = model_of<T>(cell, sets);
        VirtualPlan& plan = plans.emplace_back();
        plan.partial_bytes = work.partial_bytes;
        const auto seconds = record<T>(cell, sets, Recorder::Tasks::timed, least_passes, most_passes);
        for (std::size_t i = 0; i < seconds.size(); ++i) {
            const double memory = work.phases[i].bytes / (gbps_per_core * 1e9 * cell.threads);
            plan.phases.push_back({seconds[i], cached || cell.threads == 1 ? 0 : memory});
        }
        plan.tasks = count_tasks(plan.phases);
    }
    return plans;
}

}  // namespace

std::vector<VirtualPlan> modelled_plans(const std::vector<Cell>& cells, const Machine& machine) {
    return cells.front().dtype == Dtype::f32 ? model_plans<float>(cells, machine) : model_plans<double>(cells, machine);
}

std::vector<VirtualPlan> measured_plans(const std::vector<Cell>& cells, double gbps_per_core) {
    return cells.front().dtype == Dtype::f32 ? measure_plans<float>(cells, gbps_per_core)
                                             : measure_plans<double>(cells, gbps_per_core);
}

}  // namespace backgrad::bench
