#pragma once

#include "isa/isa.hpp"

#include <backgrad/strategy.hpp>

#include <cstdlib>
#include <string_view>
#include <vector>

namespace backgrad::test {

/// True where BACKGRAD_TEST_SCALE=small asks for shorter lists, as sanitizer builds do.
inline bool small_scale() {
    const char* scale = std::getenv("BACKGRAD_TEST_SCALE");
    return scale && std::string_view(scale) == "small";
}

/// The ISAs that this machine runs.
inline std::vector<Isa> available_isas() {
    std::vector<Isa> isas;
    for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512})
        if (isa::available(isa)) isas.push_back(isa);
    return isas;
}

/// The ISAs that this machine runs and that share their bits.
inline std::vector<Isa> vector_isas() {
    std::vector<Isa> isas = available_isas();
    std::erase(isas, Isa::scalar);
    return isas;
}

/// The back ends that this build holds.
inline std::vector<Backend> available_backends() {
    std::vector<Backend> backends{Backend::serial, Backend::std_threads};
#ifdef BACKGRAD_HAS_OPENMP
    backends.push_back(Backend::openmp);
#endif
#ifdef BACKGRAD_HAS_TBB
    backends.push_back(Backend::tbb);
#endif
    return backends;
}

/// How many threads to ask a back end for: the serial one knows no other number than 1.
inline int threads_for(Backend backend, int threads) { return backend == Backend::serial ? 1 : threads; }

/// The thread counts of the list that a back end knows.
inline std::vector<int> thread_counts(Backend backend, std::vector<int> counts) {
    return backend == Backend::serial ? std::vector{1} : counts;
}

/// The schedules that a back end knows.
inline std::vector<Schedule> schedules(Backend backend) {
    if (backend == Backend::openmp) return {Schedule::static_, Schedule::dynamic, Schedule::guided};
    if (backend == Backend::tbb)
        return {Schedule::static_, Schedule::tbb_auto, Schedule::tbb_affinity, Schedule::tbb_simple};
    return {Schedule::automatic};
}

/// Calls visit(strategy) for all that must give the same bits, every back end, thread count, schedule and vector ISA,
/// until `stop` is true.
template <class Stop, class Visit>
void for_each_equal_strategy(Stop stop, Visit visit) {
    const std::vector<int> counts = small_scale() ? std::vector{1, 3, 16} : std::vector{1, 2, 3, 4, 7, 8, 16, 64};
    for (const Isa isa : vector_isas())
        for (const Backend backend : available_backends())
            for (const Schedule schedule : schedules(backend))
                for (const int threads : thread_counts(backend, counts)) {
                    if (stop()) return;
                    visit(Strategy{.backend = backend, .threads = threads, .schedule = schedule, .isa = isa});
                }
}

}  // namespace backgrad::test
