#include "threads/make_executor.hpp"

#include "threads/backends.hpp"
#include "threads/fork.hpp"

#include <algorithm>

namespace backgrad::threads {
namespace {

constexpr const BackendRow* rows[] = {
    &serial_backend,
#ifdef BACKGRAD_HAS_OPENMP
    &openmp_backend,
#endif
#ifdef BACKGRAD_HAS_TBB
    &tbb_backend,
#endif
    &std_backend,    &caller_backend,
};

}  // namespace

const BackendRow* find_backend(Backend backend) noexcept {
    const auto* const row = std::ranges::find(rows, backend, [](const BackendRow* r) { return r->backend; });
    return row == std::end(rows) ? nullptr : *row;
}

const ScheduleSupport* find_schedule(const BackendRow& row, Schedule schedule) noexcept {
    const auto entry = std::ranges::find(row.schedules, schedule, &ScheduleSupport::schedule);
    return entry == row.schedules.end() ? nullptr : &*entry;
}

std::shared_ptr<Executor> serial_executor() { return serial_backend.make({}); }

std::shared_ptr<Executor> make_executor(const Strategy& resolved) {
    if (resolved.backend == Backend::caller) return caller_backend.make(resolved);
    // No back end has anything to add to one thread, and a forked child must not touch what its parent locked.
    if (resolved.threads == 1 || in_forked_child()) return serial_backend.make(resolved);
    return find_backend(resolved.backend)->make(resolved);
}

}  // namespace backgrad::threads
