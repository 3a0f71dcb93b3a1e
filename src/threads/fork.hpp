#pragma once

namespace backgrad::threads {

/// True in a child that was forked from a process with several threads. The child has only the forking thread, while
/// the memory of every thread pool (ours, OpenMP's, oneTBB's) still says that its workers are there: waiting for them
/// would hang. Executors run serially there. Children of single-threaded processes are not affected.
bool in_forked_child() noexcept;

}  // namespace backgrad::threads
