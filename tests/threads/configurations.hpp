#pragma once

#include <backgrad/names.hpp>
#include <backgrad/strategy.hpp>

#include <ostream>
#include <string>
#include <vector>

namespace backgrad::test {

/// Every back end of this build with every schedule it knows, on 1, 2, 3, 5 and 16 threads.
inline std::vector<Strategy> thread_configurations() {
    struct Kind {
        Backend backend;
        Schedule schedule;
        int chunk;
    };
    const Kind kinds[] = {
#ifdef BACKGRAD_HAS_OPENMP
        {Backend::openmp, Schedule::static_, 0},      {Backend::openmp, Schedule::static_, 3},
        {Backend::openmp, Schedule::dynamic, 0},      {Backend::openmp, Schedule::dynamic, 3},
        {Backend::openmp, Schedule::guided, 2},
#endif
#ifdef BACKGRAD_HAS_TBB
        {Backend::tbb, Schedule::static_, 0},         {Backend::tbb, Schedule::tbb_auto, 0},
        {Backend::tbb, Schedule::tbb_affinity, 0},    {Backend::tbb, Schedule::tbb_simple, 3},
#endif
        {Backend::std_threads, Schedule::static_, 0}, {Backend::std_threads, Schedule::dynamic, 0},
        {Backend::std_threads, Schedule::dynamic, 3},
    };
    std::vector<Strategy> strategies{{.backend = Backend::serial}};
    for (const Kind& kind : kinds) {
        for (const int threads : {1, 2, 3, 5, 16}) {
            strategies.push_back(
                {.backend = kind.backend, .threads = threads, .schedule = kind.schedule, .chunk = kind.chunk});
        }
    }
    return strategies;
}

/// Those of them whose tasks have a fixed worker.
inline std::vector<Strategy> static_configurations() {
    std::vector<Strategy> strategies = thread_configurations();
    std::erase_if(strategies, [](const Strategy& strategy) {
        return strategy.schedule != Schedule::static_ && strategy.backend != Backend::serial;
    });
    return strategies;
}

/// A name for the test's parameter, such as openmp_dynamic_chunk_3_threads_5.
inline std::string configuration_name(const Strategy& strategy) {
    std::string text = std::string(name(strategy.backend)) + '_' + std::string(name(strategy.schedule));
    if (strategy.chunk != 0) text += "_chunk_" + std::to_string(strategy.chunk);
    return text + "_threads_" + std::to_string(strategy.threads);
}

}  // namespace backgrad::test

namespace backgrad {

/// How GoogleTest shows a strategy in its messages.
inline void PrintTo(const Strategy& strategy, std::ostream* out) { *out << test::configuration_name(strategy); }

}  // namespace backgrad
