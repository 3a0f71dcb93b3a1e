#pragma once

namespace backgrad::threads {

/// True in a child that was forked from a process with several threads. The child has only the forking thread, while
/// the memory of every thread pool (ours, OpenMP's, oneTBB's) still says that its workers are there: waiting for them
/// would hang. Executors run serially there. Children of single-threaded processes are not affected.
bool in_forked_child() noexcept;

/// From now on a fork waits until the other threads sleep, for 20 ms at most. oneTBB's workers take locks on their way
/// to sleep; a child that is forked meanwhile finds them taken for ever, and waits for them in oneTBB's destructors
/// when it exits.
void wait_for_sleep_before_forks() noexcept;

}  // namespace backgrad::threads
