#pragma once

#include "layers.hpp"

#include <memory>
#include <string>
#include <vector>

namespace trainer {

/// Changes parameters by their gradients.
class Optimizer {
public:
    virtual ~Optimizer() = default;

    /// One step over all parameters that have a gradient.
    virtual void step(float learning_rate) = 0;

    /// All that a step depends on besides parameters and gradients, for a checkpoint.
    virtual std::vector<Values*> state() = 0;
};

/// "sgd" (momentum 0.9) or "adam" (Kingma and Ba 2015), with a weight decay apart from the gradient (Loshchilov and
/// Hutter 2019). The parameters must outlive it. Throws UserError for other names.
std::unique_ptr<Optimizer> make_optimizer(const std::string& name, const std::vector<Parameter*>& parameters,
                                          float weight_decay);

}  // namespace trainer
