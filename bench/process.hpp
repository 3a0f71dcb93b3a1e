#pragma once

#include "cell.hpp"
#include "measure.hpp"
#include "roofline/roofline.hpp"
#include "tune/tuning.hpp"
#include "variants/variant.hpp"

#include <sys/types.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace backgrad::bench {

/// What must be the same for cells to be measured in one process: OpenMP and oneDNN read their settings at start.
struct WorkerKind {
    Isa isa;
    int threads;
    Pool pool;

    bool operator==(const WorkerKind&) const = default;
};
WorkerKind worker_kind(const Cell& cell);

/// A child process: this program again, with the environment of its kind. It sleeps on a pipe between requests.
class WorkerProcess {
public:
    WorkerProcess(const WorkerKind& kind, const std::vector<std::string>& benchmark_flags);
    ~WorkerProcess();
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;

    const WorkerKind& kind() const noexcept { return kind_; }

    /// False once the process has ended by itself, which it does only when it crashes.
    bool alive() const noexcept { return pid_ > 0; }

    /// Measures the roof. Throws std::runtime_error if the process ends.
    Roof measure_roof(Dtype dtype);

    /// As measure in measure.hpp. If the process ends, the cells without an outcome have failed.
    void measure(const std::vector<Cell>& cells, const std::function<void(std::size_t, const Outcome&)>& report);

    /// As tune in tuning.hpp. Throws std::runtime_error if the process ends.
    std::vector<TimedBlocking> tune(const Cell& cell, std::size_t most);

private:
    void start(int request_fd, int answer_fd, const std::vector<std::string>& benchmark_flags);
    bool send(const std::string& line);
    bool receive(std::string& line);

    /// Waits for the process, whose pipe has closed, and says how it ended.
    std::string reap();

    WorkerKind kind_;
    pid_t pid_ = -1;
    std::FILE* requests_ = nullptr;
    std::FILE* answers_ = nullptr;
};

}  // namespace backgrad::bench
