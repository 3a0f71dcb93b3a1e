#include "thread_warnings.hpp"

namespace backgrad::bench {

std::vector<std::string> thread_warnings(int threads, int usable, int allowed, const Topology& topology) {
    std::vector<std::string> warnings;
    if (threads > usable) {
        const char* limit = usable < allowed ? " of the control group's quota" : "";
        warnings.push_back(std::to_string(threads) + " threads on " + std::to_string(usable) + " usable CPUs" + limit +
                           " take turns instead of scaling");
    } else if (topology.cores > 0 && threads > topology.cores) {
        warnings.push_back(std::to_string(threads) + " threads on " + std::to_string(topology.cores) +
                           " cores share them in pairs (SMT)");
    }
    if (topology.core_kinds > 1) warnings.push_back("cores of several kinds: equal shares end at different times");
    return warnings;
}

}  // namespace backgrad::bench
