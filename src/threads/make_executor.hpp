#pragma once

#include <backgrad/executor.hpp>
#include <backgrad/strategy.hpp>

#include <memory>
#include <string_view>

namespace backgrad::threads {

/// Fills every field that is left at automatic: from the environment, then the machine. An automatic thread count is
/// 1 inside a host's OpenMP parallel region and in the forked child of a threaded process. Throws Error for
/// combinations that make no sense (a TBB partitioner under OpenMP, Backend::caller without an executor, unknown words
/// in the environment). Partition and Reduction that stay automatic are resolved by the plan of the operation, Isa
/// by isa::resolve.
Strategy resolve(const Strategy& asked);

/// The executor of a resolved strategy. Threads are created here, once per back end and thread count in a process,
/// and shared. Throws Error if the system grants no threads.
std::shared_ptr<Executor> make_executor(const Strategy& resolved);

/// The executor that runs everything on the calling thread.
std::shared_ptr<Executor> serial_executor();

/// Tells the chosen strategy of a new plan on stderr in one line if BACKGRAD_VERBOSE is set and not 0.
void report_plan(std::string_view operation, const Strategy& resolved);

/// Runs a callable `void(std::int64_t task, int worker) noexcept` on the executor.
template <class Body>
void run(Executor& executor, std::int64_t task_count, const Body& body) noexcept {
    executor.run(task_count, TaskBody{[](void* context, std::int64_t task, int worker) noexcept {
                                          (*static_cast<const Body*>(context))(task, worker);
                                      },
                                      const_cast<void*>(static_cast<const void*>(&body))});
}

}  // namespace backgrad::threads
