#include "predict/simulation.hpp"

#include <backgrad/executor.hpp>

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>

namespace backgrad::bench {
namespace {

double sum(const std::vector<double>& values, std::int64_t begin, std::int64_t end) {
    return std::accumulate(values.begin() + begin, values.begin() + end, 0.0);
}

double largest_of_shares(const std::vector<double>& tasks, int workers) {
    double largest = 0;
    for (int worker = 0; worker < workers; ++worker) {
        const TaskRange range = static_share(static_cast<std::int64_t>(tasks.size()), worker, workers);
        largest = std::max(largest, sum(tasks, range.begin, range.end));
    }
    return largest;
}

double largest_on_demand(const std::vector<double>& tasks, int workers) {
    std::priority_queue<double, std::vector<double>, std::greater<>> free_at;
    for (int worker = 0; worker < workers; ++worker) free_at.push(0);
    double largest = 0;
    for (const double task : tasks) {
        const double end = free_at.top() + task;
        free_at.pop();
        free_at.push(end);
        largest = std::max(largest, end);
    }
    return largest;
}

}  // namespace

double largest_share(const std::vector<double>& task_seconds, int workers, Handout handout) {
    return handout == Handout::shares ? largest_of_shares(task_seconds, workers)
                                      : largest_on_demand(task_seconds, workers);
}

Simulation simulate(const std::vector<VirtualPhase>& phases, int workers, Handout handout, double launch_seconds) {
    Simulation result;
    double mean = 0, largest = 0;
    for (const VirtualPhase& phase : phases) {
        const double all = sum(phase.task_seconds, 0, static_cast<std::int64_t>(phase.task_seconds.size()));
        // A single task stays on the calling thread.
        const bool launches = workers > 1 && phase.task_seconds.size() > 1;
        const double share = largest_share(phase.task_seconds, workers, handout);
        mean += all / workers;
        largest += share;
        result.seconds += std::max(share, phase.memory_seconds) + (launches ? launch_seconds : 0);
    }
    if (largest > 0) result.balance = mean / largest;
    return result;
}

}  // namespace backgrad::bench
