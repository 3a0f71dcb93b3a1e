#pragma once

#include "metrics.hpp"
#include "tensor.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace trainer {

/// All that the next epoch depends on. The order of images is a function of seed and epoch, so that after a kill the
/// last finished epoch's checkpoint leads to the same bits.
struct Checkpoint {
    nlohmann::json settings;  ///< what must be the same in the run that goes on
    std::vector<EpochMetrics> history;
    std::vector<Values*> values;  ///< parameters and the optimizer's state, in an order of their own
};

/// Replaces the file as a whole. Throws UserError.
void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);

/// Fills history and values, whose sizes must be those of the file. Throws UserError for a damaged file and for other
/// settings.
void load_checkpoint(const std::string& path, Checkpoint& checkpoint);

}  // namespace trainer
