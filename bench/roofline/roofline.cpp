#include "roofline/roofline.hpp"

#include "roofline/roofline_loops.hpp"
#include "tensor.hpp"

#include <sched.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cmath>
#include <numeric>
#include <thread>

namespace backgrad::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void bind_to(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    // Only a hint: where it fails, the scheduler places the thread.
    static_cast<void>(sched_setaffinity(0, sizeof set, &set));
}

/// Runs body(thread) on each thread, `repetitions` times from a common start, and returns the shortest time.
template <class Body>
double shortest_time(int threads, const std::vector<int>& cpus, int repetitions, Body body) {
    double shortest = HUGE_VAL;
    Clock::time_point start;
    std::barrier begin(threads, [&]() noexcept { start = Clock::now(); });
    std::barrier end(threads, [&]() noexcept { shortest = std::min(shortest, seconds_since(start)); });
    std::vector<std::thread> team;
    for (int t = 0; t < threads; ++t) {
        team.emplace_back([&, t] {
            bind_to(cpus[static_cast<std::size_t>(t) % cpus.size()]);
            for (int i = 0; i < repetitions; ++i) {
                begin.arrive_and_wait();
                body(t);
                end.arrive_and_wait();
            }
        });
    }
    for (std::thread& thread : team) thread.join();
    return shortest;
}

/// The sum of what each thread reaches at its best while all compute. Repetitions are short, so that some of them go
/// undisturbed even where other programs take their share of the cores.
template <class T>
double measure_gflops(const RooflineLoops<T>& loops, int threads, const std::vector<int>& cpus) {
    const auto timed = [&](std::int64_t rounds, double& operations) {
        T sink;
        const Clock::time_point start = Clock::now();
        operations = loops.multiply_add(rounds, T(0.9), &sink);
        return seconds_since(start);
    };
    double operations = 0;
    std::int64_t rounds = 1 << 10;
    while (timed(rounds, operations) < 0.002) rounds *= 2;
    std::vector<double> best(static_cast<std::size_t>(threads));
    shortest_time(threads, cpus, 60, [&](int t) {
        double done = 0;
        const double seconds = timed(rounds, done);
        double& rate = best[static_cast<std::size_t>(t)];
        rate = std::max(rate, done / seconds / 1e9);
    });
    return std::accumulate(best.begin(), best.end(), 0.0);
}

/// Repetitions take the arrays' parts in turn: each is short, for the same reason, and finds its data in memory.
template <class T>
double measure_gbps(const RooflineLoops<T>& loops, int threads, const std::vector<int>& cpus) {
    // Three arrays of 128 MiB: several times the last-level cache of a share of a server.
    constexpr std::int64_t elements = (std::int64_t{128} << 20) / static_cast<std::int64_t>(sizeof(T));
    constexpr std::int64_t parts = 4, part_elements = elements / parts;
    const Tensor<T> a(Layout::nchw, 1, 1, 1, elements), b(Layout::nchw, 1, 1, 1, elements),
        c(Layout::nchw, 1, 1, 1, elements);
    const auto share = [&](std::int64_t part, int t) {
        return part * part_elements + part_elements / 64 * t / threads * 64;
    };
    // Each thread writes its shares first, so that on a machine with several memories they lie in the nearest.
    std::vector<std::int64_t> next(static_cast<std::size_t>(threads));
    shortest_time(threads, cpus, parts, [&](int t) {
        const std::int64_t part = next[static_cast<std::size_t>(t)]++ % parts;
        for (const Tensor<T>* tensor : {&a, &b, &c}) {
            std::fill(tensor->data() + share(part, t), tensor->data() + share(part, t + 1), T(1));
        }
    });
    const double seconds = shortest_time(threads, cpus, 60, [&](int t) {
        const std::int64_t part = next[static_cast<std::size_t>(t)]++ % parts;
        loops.triad(a.data(), b.data(), c.data(), T(3), share(part, t), share(part, t + 1));
    });
    return 3.0 * static_cast<double>(part_elements * static_cast<std::int64_t>(sizeof(T))) / seconds / 1e9;
}

template <class T>
Roof measure(const RooflineLoops<T>& loops, int threads, const std::vector<int>& cpus) {
    return {measure_gflops(loops, threads, cpus), measure_gbps(loops, threads, cpus)};
}

const RooflineTable& table_of(Isa isa) {
#ifdef BACKGRAD_BENCH_X86
    if (isa == Isa::avx512) return avx512::roofline_table;
    if (isa == Isa::avx2) return avx2::roofline_table;
#endif
    static_cast<void>(isa);
    return scalar::roofline_table;
}

}  // namespace

Roof measure_roof(Isa isa, Dtype dtype, int threads, const std::vector<int>& cpus) {
    const RooflineTable& table = table_of(isa);
    return dtype == Dtype::f32 ? measure(table.f32, threads, cpus) : measure(table.f64, threads, cpus);
}

}  // namespace backgrad::bench
