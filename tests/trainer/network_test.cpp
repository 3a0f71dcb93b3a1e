// The gradients of whole networks: against finite differences, and of one library against the other.
#include "models.hpp"

#include <backgrad/error.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace trainer {
namespace {

constexpr int classes = 4;

/// A network on two images of noise, and its loss.
struct Trial {
    Trial(const std::string& model, std::unique_ptr<GradientLibrary> gradients)
        : library(std::move(gradients)),
          network(make_model(model, {2, 1, 16, 16}, classes, *library, 3)),
          loss_gradient(library->softmax_cross_entropy(2, classes)),
          images(network.input_dims()),
          grad_logits(network.output_dims()) {
        std::mt19937_64 random(5);
        std::normal_distribution<float> noise;
        for (float& value : images.values) value = noise(random);
        network.collect(parameters);
    }

    double loss() {
        const Tensor& logits = network.forward(images, true);
        double sum = 0;
        for (std::size_t row = 0; row < 2; ++row) {
            const float* const values = logits.data() + row * classes;
            double exponentials = 0;
            for (int c = 0; c < classes; ++c) exponentials += std::exp(static_cast<double>(values[c]));
            sum += std::log(exponentials) - values[labels[row]];
        }
        return sum / 2;
    }

    void compute_gradients() {
        const Tensor& logits = network.forward(images, true);
        loss_gradient->run(logits.data(), labels.data(), grad_logits.data());
        network.backward(images, grad_logits, nullptr);
    }

    std::unique_ptr<GradientLibrary> library;
    Sequential network;
    std::unique_ptr<LossGradient> loss_gradient;
    Tensor images, grad_logits;
    std::vector<std::int64_t> labels{1, 3};
    std::vector<Parameter*> parameters;
};

/// The loss along one parameter's gradient: its slope is the gradient's squared length.
void expect_slope(Trial& trial, Parameter& parameter) {
    double squares = 0;
    for (const float g : parameter.gradient) squares += static_cast<double>(g) * g;
    if (squares < 1e-8) return;  // what batch normalisation takes out again, a bias before it, has no gradient
    const Values value = parameter.value;
    const double step = 2e-3 / std::sqrt(squares);
    double losses[2];
    for (const int side : {0, 1}) {
        for (std::size_t k = 0; k < value.size(); ++k) {
            parameter.value[k] = value[k] + static_cast<float>((side == 0 ? -step : step) * parameter.gradient[k]);
        }
        losses[side] = trial.loss();
    }
    parameter.value = value;
    const double slope = (losses[1] - losses[0]) / (2 * step);
    EXPECT_NEAR(slope, squares, 0.05 * squares + 1e-4) << parameter.name;
}

class Gradients : public testing::TestWithParam<std::string> {};

TEST_P(Gradients, AreTheSlopesOfTheLoss) {
    Trial trial(GetParam(), make_backgrad_gradients(2));
    trial.compute_gradients();
    int checked = 0;
    for (Parameter* const parameter : trial.parameters) {
        if (parameter->gradient.empty()) continue;
        expect_slope(trial, *parameter);
        ++checked;
    }
    EXPECT_GE(checked, 10);
}

TEST_P(Gradients, AreThoseOfThePeer) {
    Trial backgrad(GetParam(), make_backgrad_gradients(2)), onednn(GetParam(), make_onednn_gradients());
    backgrad.compute_gradients();
    onednn.compute_gradients();
    ASSERT_EQ(backgrad.parameters.size(), onednn.parameters.size());
    for (std::size_t p = 0; p < backgrad.parameters.size(); ++p) {
        const Values &ours = backgrad.parameters[p]->gradient, &theirs = onednn.parameters[p]->gradient;
        float largest = 0;
        for (const float g : theirs) largest = std::max(largest, std::abs(g));
        for (std::size_t k = 0; k < ours.size(); ++k) {
            ASSERT_NEAR(ours[k], theirs[k], 1e-4F * largest + 1e-6F) << backgrad.parameters[p]->name << '[' << k << ']';
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Models, Gradients, testing::Values("lenet5", "resnet8"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace trainer
