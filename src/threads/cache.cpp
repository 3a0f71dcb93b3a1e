#include "threads/cache.hpp"

#include <algorithm>
#include <fstream>
#include <string>

namespace backgrad::threads {
namespace {

constexpr std::int64_t fallback = std::int64_t{32} << 20;

/// The largest level that Linux lists for the first processor. (sysconf is not asked: in virtual machines it
/// reports the cache of the whole package, of which the guest has a share.)
std::int64_t ask() {
    std::int64_t bytes = 0;
    for (int index = 0; index < 8; ++index) {
        std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
        std::int64_t size = 0;
        char unit = 0;
        if (!(file >> size)) break;
        file >> unit;
        bytes = std::max(bytes, size << (unit == 'M' ? 20 : unit == 'K' ? 10 : 0));
    }
    return bytes > 0 ? bytes : fallback;
}

}  // namespace

std::int64_t last_level_cache_bytes() {
    static const std::int64_t bytes = ask();
    return bytes;
}

}  // namespace backgrad::threads
