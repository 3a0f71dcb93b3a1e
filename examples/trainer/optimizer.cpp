#include "optimizer.hpp"

#include "idx.hpp"

#include <cmath>

namespace trainer {
namespace {

std::vector<Parameter*> trained(const std::vector<Parameter*>& parameters) {
    std::vector<Parameter*> result;
    for (Parameter* const parameter : parameters) {
        if (!parameter->gradient.empty()) result.push_back(parameter);
    }
    return result;
}

/// Zeros beside each parameter.
std::vector<Values> zeros(const std::vector<Parameter*>& parameters) {
    std::vector<Values> result;
    for (const Parameter* const parameter : parameters) result.emplace_back(parameter->value.size());
    return result;
}

/// v = 0.9 v + gradient; value -= learning rate * v
class MomentumSgd final : public Optimizer {
public:
    MomentumSgd(const std::vector<Parameter*>& parameters, float weight_decay)
        : parameters_(trained(parameters)), velocities_(zeros(parameters_)), weight_decay_(weight_decay) {}

    void step(float learning_rate) override {
        const float kept = 1 - learning_rate * weight_decay_;
        for (std::size_t p = 0; p < parameters_.size(); ++p) {
            Values& value = parameters_[p]->value;
            const Values& gradient = parameters_[p]->gradient;
            Values& velocity = velocities_[p];
            for (std::size_t k = 0; k < value.size(); ++k) {
                velocity[k] = 0.9F * velocity[k] + gradient[k];
                value[k] = kept * value[k] - learning_rate * velocity[k];
            }
        }
    }

    std::vector<Values*> state() override {
        std::vector<Values*> result;
        for (Values& velocity : velocities_) result.push_back(&velocity);
        return result;
    }

private:
    std::vector<Parameter*> parameters_;
    std::vector<Values> velocities_;
    float weight_decay_;
};

/// m and v are running means of the gradient and its square, corrected for their start at zero;
/// value -= learning rate * m / (sqrt(v) + 1e-8)
class Adam final : public Optimizer {
public:
    Adam(const std::vector<Parameter*>& parameters, float weight_decay)
        : parameters_(trained(parameters)),
          means_(zeros(parameters_)),
          squares_(zeros(parameters_)),
          weight_decay_(weight_decay) {}

    void step(float learning_rate) override {
        powers_[0] *= mean_share;
        powers_[1] *= square_share;
        const float rate = learning_rate / (1 - powers_[0]);
        const float correction = 1 / (1 - powers_[1]);
        const float kept = 1 - learning_rate * weight_decay_;
        for (std::size_t p = 0; p < parameters_.size(); ++p) {
            Values& value = parameters_[p]->value;
            const Values& gradient = parameters_[p]->gradient;
            Values &mean = means_[p], &square = squares_[p];
            for (std::size_t k = 0; k < value.size(); ++k) {
                mean[k] += (1 - mean_share) * (gradient[k] - mean[k]);
                square[k] += (1 - square_share) * (gradient[k] * gradient[k] - square[k]);
                value[k] = kept * value[k] - rate * mean[k] / (std::sqrt(square[k] * correction) + 1e-8F);
            }
        }
    }

    std::vector<Values*> state() override {
        std::vector<Values*> result{&powers_};
        for (std::vector<Values>* const group : {&means_, &squares_}) {
            for (Values& values : *group) result.push_back(&values);
        }
        return result;
    }

private:
    static constexpr float mean_share = 0.9F;
    static constexpr float square_share = 0.999F;

    std::vector<Parameter*> parameters_;
    std::vector<Values> means_, squares_;
    Values powers_{1, 1};  ///< of the two shares, the number of steps high
    float weight_decay_;
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const std::string& name, const std::vector<Parameter*>& parameters,
                                          float weight_decay) {
    if (name == "sgd") return std::make_unique<MomentumSgd>(parameters, weight_decay);
    if (name == "adam") return std::make_unique<Adam>(parameters, weight_decay);
    throw UserError("--optimizer: expected sgd or adam, got \"" + name + '"');
}

}  // namespace trainer
