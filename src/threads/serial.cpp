#include "threads/backends.hpp"

namespace backgrad::threads {
namespace {

class SerialExecutor final : public Executor {
public:
    int workers() const noexcept override { return 1; }
    void run(std::int64_t task_count, TaskBody body) noexcept override { run_serially(task_count, body); }
};

std::shared_ptr<Executor> make(const Strategy&) { return std::make_shared<SerialExecutor>(); }

constexpr ScheduleSupport schedules[] = {{Schedule::static_, false}};

}  // namespace

void run_serially(std::int64_t task_count, TaskBody body) noexcept {
    for (std::int64_t task = 0; task < task_count; ++task) body(task, 0);
}

constinit const BackendRow serial_backend{Backend::serial, schedules, make};

}  // namespace backgrad::threads
