#include "threads/backends.hpp"

namespace backgrad::threads {
namespace {

/// A pointer that does not own: the caller's executor outlives the plan.
std::shared_ptr<Executor> make(const Strategy& resolved) {
    return std::shared_ptr<Executor>(std::shared_ptr<Executor>{}, resolved.executor);
}

}  // namespace

// No schedules: how tasks meet workers is the caller's business.
constinit const BackendRow caller_backend{Backend::caller, {}, make};

}  // namespace backgrad::threads
