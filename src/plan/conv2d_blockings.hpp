#pragma once

#include "plan/conv2d_plan.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace backgrad::plan {

/// A blocking that the plan knows for a problem.
struct KnownBlocking {
    std::string name;  ///< tells all that is chosen, as in "weight:patches/1x3/v2"; no other of the list has it
    Conv2dBlocking blocking;
    /// Its estimate over that of the chosen one, which is 1. None where the plan follows a rule.
    std::optional<double> estimated;
    bool chosen;     ///< what the plan takes by itself
    bool same_bits;  ///< as the chosen one: it has the same order of additions
};

/// The blockings that the plan knows for the gradients asked for: every way in which it could compute them, with the
/// cut that it would choose, and for each way all other cuts and sizes of register tiles, one choice away from that.
/// Where two gradients have plans of their own, one of them is blocked as the models say.
/// The chosen one comes first, then the ways' own choices, then the others, the cheapest estimates first.
/// Only the chosen one is ever used by the library: what runs must not depend on what was fast on a machine, because a
/// way decides bits. The others are for measurements of the models.
std::vector<KnownBlocking> known_blockings(const Conv2dProblem& problem, const Conv2dGradients& gradients,
                                           const Conv2dTiles& tiles, std::size_t element_bytes,
                                           const Strategy& strategy);

}  // namespace backgrad::plan
