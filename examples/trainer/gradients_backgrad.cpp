#include "gradients.hpp"

#include <backgrad/backgrad.hpp>

#include <memory>

namespace trainer {
namespace {

/// One workspace serves all layers in turn: it is as large as the largest of them asks.
using SharedWorkspace = std::shared_ptr<backgrad::Workspace>;

class BackgradConv2d final : public Conv2dGradients {
public:
    BackgradConv2d(const backgrad::Conv2dShape& shape, const backgrad::Conv2dBackwardOptions& options,
                   SharedWorkspace workspace)
        : plan_(shape, options), workspace_(std::move(workspace)) {
        workspace_->reserve(plan_.workspace_bytes());
    }

    void run(const float* grad_output, const float* input, const float* weight, float* grad_input, float* grad_weight,
             float* grad_bias) override {
        plan_.execute({grad_output, input, weight, grad_input, grad_weight, grad_bias}, workspace_->data());
    }

private:
    backgrad::Conv2dBackward<float> plan_;
    SharedWorkspace workspace_;
};

class BackgradMaxPool2d final : public Gradient {
public:
    BackgradMaxPool2d(const backgrad::Pool2dShape& shape, const backgrad::MaxPool2dBackwardOptions& options)
        : plan_(shape, options) {}

    void run(const float* grad_output, const float* source, float* grad_input) override {
        plan_.execute({.grad_output = grad_output, .input = source, .grad_input = grad_input});
    }

private:
    backgrad::MaxPool2dBackward<float> plan_;
};

class BackgradGlobalAvgPool2d final : public Gradient {
public:
    BackgradGlobalAvgPool2d(const backgrad::GlobalAvgPool2dShape& shape,
                            const backgrad::GlobalAvgPool2dBackwardOptions& options)
        : plan_(shape, options) {}

    void run(const float* grad_output, const float*, float* grad_input) override {
        plan_.execute({grad_output, grad_input});
    }

private:
    backgrad::GlobalAvgPool2dBackward<float> plan_;
};

class BackgradActivation final : public Gradient {
public:
    BackgradActivation(std::int64_t elements, const backgrad::ActivationBackwardOptions& options)
        : plan_(elements, options) {}

    void run(const float* grad_output, const float* source, float* grad_input) override {
        plan_.execute({grad_output, source, grad_input});
    }

private:
    backgrad::ActivationBackward<float> plan_;
};

class BackgradLoss final : public LossGradient {
public:
    BackgradLoss(const backgrad::SoftmaxShape& shape, const backgrad::SoftmaxCrossEntropyBackwardOptions& options)
        : plan_(shape, options) {}

    void run(const float* logits, const std::int64_t* labels, float* grad_logits) override {
        plan_.execute({logits, labels, grad_logits});
    }

private:
    backgrad::SoftmaxCrossEntropyBackward<float> plan_;
};

class BackgradGradients final : public GradientLibrary {
public:
    explicit BackgradGradients(int threads) { strategy_.threads = threads; }

    std::unique_ptr<Conv2dGradients> conv2d(const backgrad::Conv2dShape& shape, bool input_gradient) override {
        backgrad::Conv2dBackwardOptions options;
        options.gradients.input = input_gradient;
        options.strategy = strategy_;
        return std::make_unique<BackgradConv2d>(shape, options, workspace_);
    }

    std::unique_ptr<Gradient> max_pool2d(const backgrad::Pool2dShape& shape, const MaxPool2dForward&) override {
        backgrad::MaxPool2dBackwardOptions options;
        options.source = backgrad::MaxPoolSource::input;
        options.strategy = strategy_;
        return std::make_unique<BackgradMaxPool2d>(shape, options);
    }

    std::unique_ptr<Gradient> global_avg_pool2d(const Dims& input) override {
        backgrad::GlobalAvgPool2dBackwardOptions options;
        options.strategy = strategy_;
        return std::make_unique<BackgradGlobalAvgPool2d>(
            backgrad::GlobalAvgPool2dShape{input.batch, input.channels, input.height, input.width}, options);
    }

    std::unique_ptr<Gradient> relu(const Dims& dims) override {
        backgrad::ActivationBackwardOptions options;
        options.source = backgrad::ActivationSource::output;
        options.strategy = strategy_;
        return std::make_unique<BackgradActivation>(dims.elements(), options);
    }

    std::unique_ptr<LossGradient> softmax_cross_entropy(std::int64_t rows, std::int64_t classes) override {
        backgrad::SoftmaxCrossEntropyBackwardOptions options;
        options.scale = 1.0 / static_cast<double>(rows);
        options.strategy = strategy_;
        return std::make_unique<BackgradLoss>(backgrad::SoftmaxShape{rows, classes, 1}, options);
    }

private:
    backgrad::Strategy strategy_;
    SharedWorkspace workspace_ = std::make_shared<backgrad::Workspace>();
};

}  // namespace

std::unique_ptr<GradientLibrary> make_backgrad_gradients(int threads) {
    return std::make_unique<BackgradGradients>(threads);
}

}  // namespace trainer
