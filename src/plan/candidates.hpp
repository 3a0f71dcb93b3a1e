#pragma once

#include <vector>

namespace backgrad::plan {

/// What a later cut must come to beside an earlier one to be worth it: estimates are no better than 2%, and cuts that
/// change little would otherwise depend on their last digits.
constexpr double worthwhile_cut = 0.98;
/// For the strips of a pointwise input gradient, whose estimates tell what more groups cost, every gain counts.
constexpr double worthwhile_strip_cut = 1.0;

/// The cost models' choice among candidates, which have estimates `cycles` and stand in order, the simplest first: the
/// cheapest, but a later one only where it takes less than `worthwhile` times the best before it. There is at least
/// one.
template <class Candidate>
const Candidate& cheapest(const std::vector<Candidate>& candidates, double worthwhile) {
    const Candidate* best = &candidates.front();
    for (const Candidate& candidate : candidates)
        if (candidate.cycles < best->cycles * worthwhile) best = &candidate;
    return *best;
}

}  // namespace backgrad::plan
