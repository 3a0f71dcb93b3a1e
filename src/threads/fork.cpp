#include "threads/fork.hpp"

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

namespace backgrad::threads {
namespace {

// Plain variables: both are written while the process has, for the handlers, one thread.
bool parent_has_threads = false;
bool forked_child = false;
std::atomic<bool> waits_for_sleep = false;

/// Whether a thread of this process runs or would run: its state stands behind its name, which is in parentheses.
bool runs(const std::string& thread) {
    std::ifstream file("/proc/self/task/" + thread + "/stat");
    std::string line;
    std::getline(file, line);
    const std::size_t name_end = line.rfind(')');
    return name_end != std::string::npos && line.compare(name_end, 3, ") R") == 0;
}

bool others_sleep() {
    DIR* const tasks = opendir("/proc/self/task");
    if (tasks == nullptr) return true;
    const std::string own = std::to_string(gettid());
    bool all = true;
    while (const dirent* entry = readdir(tasks))
        if (entry->d_name[0] != '.' && entry->d_name != own && runs(entry->d_name)) all = false;
    closedir(tasks);
    return all;
}

void wait_for_sleep() {
    using namespace std::chrono_literals;
    const auto end = std::chrono::steady_clock::now() + 20ms;
    while (!others_sleep() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(100us);
}

/// Linux counts the threads of a process in the links of its task folder, beside the two of every folder. Where the
/// folder cannot be read, threads are assumed.
void before_fork() {
    struct stat tasks {};
    parent_has_threads = stat("/proc/self/task", &tasks) != 0 || tasks.st_nlink > 3;
    if (parent_has_threads && waits_for_sleep) wait_for_sleep();
}

void after_fork_in_child() { forked_child = forked_child || parent_has_threads; }

// Registered when the library is loaded, because the host's own use of OpenMP before our first call counts, too.
[[maybe_unused]] const int registered = pthread_atfork(before_fork, nullptr, after_fork_in_child);

}  // namespace

bool in_forked_child() noexcept { return forked_child; }

void wait_for_sleep_before_forks() noexcept { waits_for_sleep = true; }

}  // namespace backgrad::threads
