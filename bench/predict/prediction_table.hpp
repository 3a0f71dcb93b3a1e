#pragma once

#include "predict/prediction.hpp"

#include <string>
#include <vector>

namespace backgrad::bench {

/// A line per prediction, then the geometric means over shapes of balance and efficiency.
std::string format_predictions(const std::vector<Prediction>& predictions);

}  // namespace backgrad::bench
