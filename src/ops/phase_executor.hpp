#pragma once

#include "plan/launch.hpp"
#include "threads/make_executor.hpp"

#include <memory>

namespace backgrad::ops {

/// Whether the library may use fewer threads than there are: only where it chose their number. A number that was asked
/// for is used to the letter, and a caller's executor gets every phase.
inline bool may_use_fewer_threads(const Strategy& asked, const Strategy& resolved) {
    return asked.threads == 0 && resolved.threads > 1 && resolved.backend != Backend::caller;
}

/// Who runs a phase of so many cycles: the plan's team, or the calling thread where waking the team costs more than it
/// saves.
inline std::shared_ptr<Executor> phase_executor(const std::shared_ptr<Executor>& team, const Strategy& asked,
                                                const Strategy& resolved, double cycles) {
    const bool alone = may_use_fewer_threads(asked, resolved) && !plan::worth_launching(cycles, resolved.threads);
    return alone ? threads::serial_executor() : team;
}

}  // namespace backgrad::ops
