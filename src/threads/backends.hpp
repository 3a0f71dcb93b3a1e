#pragma once

#include <backgrad/executor.hpp>
#include <backgrad/strategy.hpp>

#include <memory>
#include <span>

namespace backgrad::threads {

/// What a back end can be asked for.
struct ScheduleSupport {
    Schedule schedule;
    bool takes_chunk;
};

/// One threading back end of this build.
struct BackendRow {
    Backend backend;
    std::span<const ScheduleSupport> schedules;
    std::shared_ptr<Executor> (*make)(const Strategy& resolved);
};

/// The row of a back end, or null if this build lacks it.
const BackendRow* find_backend(Backend backend) noexcept;

/// How the back end supports a schedule, or null if it does not.
const ScheduleSupport* find_schedule(const BackendRow& row, Schedule schedule) noexcept;

// The rows, each in the file of its back end.
extern const BackendRow serial_backend;
extern const BackendRow openmp_backend;
extern const BackendRow tbb_backend;
extern const BackendRow std_backend;
extern const BackendRow caller_backend;

/// Runs all tasks here, under worker 0.
void run_serially(std::int64_t task_count, TaskBody body) noexcept;

// What only the OpenMP runtime knows.

/// True inside an active parallel region of the host; false in a build without OpenMP.
bool in_openmp_region() noexcept;
/// Processors of the process, 0 in a build without OpenMP. Unlike the calling thread's affinity mask this is right
/// after the runtime has pinned the thread (OMP_PROC_BIND).
int openmp_processors() noexcept;

}  // namespace backgrad::threads
