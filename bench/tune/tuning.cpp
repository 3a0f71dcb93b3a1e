#include "tune/tuning.hpp"

#include "variants/backgrad_variant.hpp"

#include <algorithm>
#include <vector>

namespace backgrad::bench {
namespace {

template <class T>
std::vector<TimedBlocking> tune_as(const Cell& cell, std::size_t most) {
    const std::vector<plan::KnownBlocking> known = blockings_of<T>(cell);
    std::vector<Contestant<T>> contestants;
    std::vector<TimedBlocking> timed;
    for (std::size_t k = 0; k < std::min(most, known.size()); ++k) {
        const plan::KnownBlocking& one = known[k];
        const auto prepare = [&cell, &one](std::span<const Problem<T>> sets) {
            return prepare_blocking<T>(cell, one.blocking, sets);
        };
        contestants.push_back({title(cell) + "/" + one.name, prepare});
        timed.push_back(
            {one.name, one.chosen, one.same_bits, one.estimated.has_value(), one.estimated.value_or(0), {}});
    }
    const Clock clock = cell.threads == 1 ? Clock::calling_thread : Clock::wall;
    measure_contestants<T>(cell, contestants, clock,
                           [&](std::size_t k, const Outcome& outcome) { timed[k].outcome = outcome; });
    return timed;
}

}  // namespace

std::vector<TimedBlocking> tune(const Cell& cell, std::size_t most) {
    return cell.dtype == Dtype::f32 ? tune_as<float>(cell, most) : tune_as<double>(cell, most);
}

}  // namespace backgrad::bench
