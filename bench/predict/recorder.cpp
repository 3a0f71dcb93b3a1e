#include "predict/recorder.hpp"

#include <chrono>
#include <utility>

namespace backgrad::bench {

void Recorder::run(std::int64_t task_count, TaskBody body) noexcept {
    if (task_count == 0) return;
    using Clock = std::chrono::steady_clock;
    std::vector<double>& seconds = phases_.emplace_back(static_cast<std::size_t>(task_count));
    if (tasks_ == Tasks::counted) return;
    Clock::time_point start = Clock::now();
    for (std::int64_t task = 0; task < task_count; ++task) {
        body(task, 0);
        const Clock::time_point end = Clock::now();
        seconds[static_cast<std::size_t>(task)] = std::chrono::duration<double>(end - start).count();
        start = end;
    }
}

std::vector<std::vector<double>> Recorder::take() { return std::exchange(phases_, {}); }

}  // namespace backgrad::bench
