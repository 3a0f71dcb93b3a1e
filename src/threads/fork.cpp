#include "threads/fork.hpp"

#include <pthread.h>
#include <sys/stat.h>

namespace backgrad::threads {
namespace {

// Plain variables: both are written while the process has, for the handlers, one thread.
bool parent_has_threads = false;
bool forked_child = false;

/// Linux counts the threads of a process in the links of its task folder, beside the two of every folder. Where the
/// folder cannot be read, threads are assumed.
void before_fork() {
    struct stat tasks {};
    parent_has_threads = stat("/proc/self/task", &tasks) != 0 || tasks.st_nlink > 3;
}

void after_fork_in_child() { forked_child = forked_child || parent_has_threads; }

// Registered when the library is loaded, because the host's own use of OpenMP before our first call counts, too.
[[maybe_unused]] const int registered = pthread_atfork(before_fork, nullptr, after_fork_in_child);

}  // namespace

bool in_forked_child() noexcept { return forked_child; }

}  // namespace backgrad::threads
