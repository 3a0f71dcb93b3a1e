#include "threads/machine.hpp"

#include "threads/backends.hpp"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <thread>

namespace backgrad::threads {
namespace {

int processors_of_affinity_mask() {
    if (const int processors = openmp_processors(); processors > 0) return processors;
    cpu_set_t mask;
    if (sched_getaffinity(0, sizeof mask, &mask) == 0) return CPU_COUNT(&mask);
    return static_cast<int>(std::thread::hardware_concurrency());  // more processors than cpu_set_t holds
}

/// ceil(quota / period) from two numbers of microseconds, or no limit where they are missing, "max" or negative.
int processors_of_quota(std::istream&& quota_file, std::istream&& period_file) {
    double quota = 0;
    double period = 0;
    if (!(quota_file >> quota) || !(period_file >> period) || quota <= 0 || period <= 0) {
        return std::numeric_limits<int>::max();
    }
    return static_cast<int>((quota + period - 1) / period);
}

/// The quota as containers see it, at the root of the control group file system: version 2, then version 1.
int read_quota() {
    std::ifstream both("/sys/fs/cgroup/cpu.max");
    std::string quota;
    std::string period;
    if (both >> quota >> period) return processors_of_quota(std::istringstream(quota), std::istringstream(period));
    const std::string folder = "/sys/fs/cgroup/cpu/";
    return processors_of_quota(std::ifstream(folder + "cpu.cfs_quota_us"), std::ifstream(folder + "cpu.cfs_period_us"));
}

}  // namespace

int available_processors() {
    static const int quota = read_quota();  // fixed for the life of a container; plans are made often
    return std::max(1, std::min(processors_of_affinity_mask(), quota));
}

}  // namespace backgrad::threads
