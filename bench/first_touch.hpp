#pragma once

#include <backgrad/executor.hpp>

#include <cstddef>
#include <memory>

namespace backgrad::bench {

struct Cell;

/// The threads that the cell's variant will run on; null where there is one.
std::shared_ptr<Executor> measured_threads(const Cell& cell);

/// Lets each worker write its consecutive share of the bytes. On a machine with several memories a page lies in that of
/// the thread that wrote it first, which then is the one that works on these images or rows where plans cut batch or
/// pixels and schedules are static.
void first_touch(void* data, std::size_t bytes, Executor& threads);

}  // namespace backgrad::bench
