#pragma once

#include "cell.hpp"
#include "measure.hpp"
#include "roofline/roofline.hpp"
#include "tune/tuning.hpp"

#include <nlohmann/json.hpp>

namespace backgrad {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ScheduleAndChunk, schedule, chunk)
}

/// The lines between the program and its workers, one JSON value each.
/// Requests: {"roof": dtype}, {"measure": [cell, ...]} and {"tune": cell, "most": count}.
/// Answers: a Roof; or any number of {"number": i, "outcome": Outcome} and then null; or a list of TimedBlockings.
namespace backgrad::bench {

/// The worker's ends of the pipes.
constexpr int request_fd = 3;
constexpr int answer_fd = 4;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Shape, name, kind, values)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Cell, operation, mode, shape, layout, dtype, cache, scaling, variant, partition,
                                   schedule, reduction, isa, threads)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Outcome, status, message, checksum, milliseconds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Roof, gflops, gbps)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TimedBlocking, name, chosen, same_bits, has_estimate, estimated, outcome)

}  // namespace backgrad::bench
