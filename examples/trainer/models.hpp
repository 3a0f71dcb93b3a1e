#pragma once

#include "network.hpp"

#include <string>

namespace trainer {

/// A network by name: "lenet5" (LeCun et al. 1998, with ReLU and max pooling) or "resnet8" (a stem, three residual
/// blocks of a depthwise and a 1x1 convolution, global average pooling, a dense layer). Starting values are a function
/// of the seed. Throws UserError for other names and for images that are too small.
Sequential make_model(const std::string& name, const Dims& input, int classes, GradientLibrary& library,
                      std::uint64_t seed);

}  // namespace trainer
