#pragma once

#include "kernels/prefetch_queue.hpp"
#include "simd/vec.hpp"

namespace backgrad::BACKGRAD_ISA {

namespace {

/// Takes as many lines as a loop has turns from the first job of a queue, perhaps some beyond its last, for one fetch()
/// per turn. Without a job the loop touches `idle` again and again.
template <class T>
class PrefetchTurns {
public:
    [[gnu::always_inline]] PrefetchTurns(kernels::PrefetchQueue<T>& queue, std::int64_t turns, const T* idle)
        : line_(idle), step_(0) {
        if (queue.begin == queue.end) return;
        kernels::PrefetchJob<T>& job = *queue.begin;
        line_ = job.line;
        step_ = job.step;
        job.line += turns * job.step;
        job.count -= turns;
        if (job.count <= 0) ++queue.begin;
    }

    [[gnu::always_inline]] void fetch() {
        prefetch_to_l2(line_);
        line_ += step_;
    }

private:
    const T* line_;
    std::ptrdiff_t step_;
};

}  // namespace

}  // namespace backgrad::BACKGRAD_ISA
