#pragma once

#include <backgrad/executor.hpp>
#include <backgrad/strategy.hpp>

#include <memory>

namespace backgrad::threads {

/// Fills every field that is left at automatic: from the environment, then the machine. Inside a host's OpenMP
/// parallel region an automatic thread count is 1. Throws Error for combinations that make no sense (a TBB
/// partitioner under OpenMP, Backend::caller without an executor, unknown words in the environment).
/// Partition and Reduction stay automatic: the plan of the operation resolves them. Isa is filled by isa::resolve.
Strategy resolve(const Strategy& asked);

/// The executor of a resolved strategy. Executors of one kind share their threads where the back end allows it.
std::shared_ptr<Executor> make_executor(const Strategy& resolved);

/// Runs a callable `void(std::int64_t task, int worker) noexcept` on the executor.
template <class Body>
void run(Executor& executor, std::int64_t task_count, const Body& body) noexcept {
    executor.run(task_count, TaskBody{[](void* context, std::int64_t task, int worker) noexcept {
                                          (*static_cast<const Body*>(context))(task, worker);
                                      },
                                      const_cast<void*>(static_cast<const void*>(&body))});
}

}  // namespace backgrad::threads
