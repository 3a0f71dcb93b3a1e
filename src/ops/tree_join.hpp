#pragma once

#include <atomic>
#include <cstdint>

namespace backgrad::ops {

/// Counters of what has been finished in one execution, zero at its begin.
class Arrivals {
public:
    Arrivals() = default;
    Arrivals(std::int32_t* counts, std::int64_t size) : counts_(counts) {
        for (std::int64_t i = 0; i < size; ++i) counts_[i] = 0;
    }

    /// True for the second of the two that arrive at a counter; it sees all that the first has written.
    bool is_second(std::int64_t counter) const { return completes(counter, 1, 2); }

    /// True for the last of those that bring parts of a whole to a counter; it sees all that the others have written,
    /// and the counter is zero again.
    bool completes(std::int64_t counter, std::int64_t part, std::int64_t whole) const {
        const std::atomic_ref count(counts_[counter]);
        const std::int32_t before = count.fetch_add(static_cast<std::int32_t>(part), std::memory_order_acq_rel);
        if (before + part != whole) return false;
        count.store(0, std::memory_order_relaxed);
        return true;
    }

private:
    std::int32_t* counts_ = nullptr;
};

/// Joins the partial sums of segment groups as they are finished, by the tree of distances 1, 2, 4, ...: add(left,
/// right) adds the sum of group left + distance to that of group left. The later of two neighbours adds them and goes
/// on to the next level, so that nobody waits, joining takes no launch of its own, and the order of additions does not
/// depend on who came first. Each group calls this once, when its own sum is complete; true for the one call that
/// leaves the total in group 0. A pair is counted at counter(right).
template <class Counter, class Add>
bool join_finished(const Arrivals& arrivals, std::int64_t groups, std::int64_t finished, Counter counter, Add add) {
    std::int64_t left = finished;
    for (std::int64_t distance = 1; distance < groups; distance *= 2) {
        left -= left % (2 * distance);
        const std::int64_t right = left + distance;
        if (right >= groups) continue;
        if (!arrivals.is_second(counter(right))) return false;
        add(left, right);
    }
    return true;
}

}  // namespace backgrad::ops
