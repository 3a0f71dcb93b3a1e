#pragma once

#include <backgrad/executor.hpp>

#include <cstdint>
#include <vector>

namespace backgrad::bench {

/// An executor that says it has many workers and runs every task itself: it shows the tasks of a plan for that many
/// threads, and what each of them takes alone on a core.
class Recorder final : public Executor {
public:
    enum class Tasks { counted, timed };  ///< counted tasks do not run

    Recorder(int workers, Tasks tasks) : workers_(workers), tasks_(tasks) {}

    int workers() const noexcept override { return workers_; }
    void run(std::int64_t task_count, TaskBody body) noexcept override;

    /// The seconds of each task of each phase that had any, since the last call of this; zeros where they were counted.
    std::vector<std::vector<double>> take();

private:
    int workers_;
    Tasks tasks_;
    std::vector<std::vector<double>> phases_;
};

}  // namespace backgrad::bench
