#include "gradients.hpp"

#include <algorithm>

namespace trainer {
namespace {

dnnl::convolution_forward::primitive_desc forward_hint(const Conv2dDescs& d) {
    return {{dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct, d.input, d.weights_any, d.bias,
             d.output, d.strides, d.dilates, d.padding_begin, d.padding_end},
            onednn_engine()};
}

/// grad_weight and grad_bias.
class WeightGradients {
public:
    explicit WeightGradients(const Conv2dDescs& d)
        : description_({dnnl::algorithm::convolution_direct, d.input, d.weights_any, d.bias, d.output, d.strides,
                        d.dilates, d.padding_begin, d.padding_end},
                       onednn_engine(), forward_hint(d)),
          primitive_(description_),
          weights_(d.weights_plain, description_.diff_weights_desc()) {}

    void run(const float* grad_output, const float* input, float* grad_weight, float* grad_bias) {
        primitive_.execute(onednn_stream(),
                           {{DNNL_ARG_SRC, plain_memory(description_.src_desc(), input)},
                            {DNNL_ARG_DIFF_DST, plain_memory(description_.diff_dst_desc(), grad_output)},
                            {DNNL_ARG_DIFF_WEIGHTS, weights_.target(grad_weight)},
                            {DNNL_ARG_DIFF_BIAS, plain_memory(description_.diff_bias_desc(), grad_bias)}});
        weights_.store(grad_weight);
    }

private:
    dnnl::convolution_backward_weights::primitive_desc description_;
    dnnl::convolution_backward_weights primitive_;
    Reordered weights_;
};

class InputGradient {
public:
    explicit InputGradient(const Conv2dDescs& d)
        : description_({dnnl::algorithm::convolution_direct, d.input, d.weights_any, d.output, d.strides, d.dilates,
                        d.padding_begin, d.padding_end},
                       onednn_engine(), forward_hint(d)),
          primitive_(description_),
          weights_(d.weights_plain, description_.weights_desc()) {}

    void run(const float* grad_output, const float* weight, float* grad_input) {
        primitive_.execute(onednn_stream(),
                           {{DNNL_ARG_DIFF_DST, plain_memory(description_.diff_dst_desc(), grad_output)},
                            {DNNL_ARG_WEIGHTS, weights_.load(weight)},
                            {DNNL_ARG_DIFF_SRC, plain_memory(description_.diff_src_desc(), grad_input)}});
    }

private:
    dnnl::convolution_backward_data::primitive_desc description_;
    dnnl::convolution_backward_data primitive_;
    Reordered weights_;
};

class OnednnConv2d final : public Conv2dGradients {
public:
    OnednnConv2d(const Conv2dDescs& descs, bool input_gradient) : weights_(descs) {
        if (input_gradient) input_.emplace(descs);
    }

    void run(const float* grad_output, const float* input, const float* weight, float* grad_input, float* grad_weight,
             float* grad_bias) override {
        weights_.run(grad_output, input, grad_weight, grad_bias);
        if (input_) input_->run(grad_output, weight, grad_input);
    }

private:
    WeightGradients weights_;
    std::optional<InputGradient> input_;
};

/// Pooling of either kind; the maxima are where the forward pass left them.
class OnednnPool2d final : public Gradient {
public:
    OnednnPool2d(dnnl::algorithm algorithm, const Dims& input, const Dims& output, const dnnl::memory::dims& window,
                 const dnnl::memory::dims& strides, const dnnl::memory::dims& padding_begin,
                 const dnnl::memory::dims& padding_end, const dnnl::pooling_forward::primitive_desc& forward,
                 const dnnl::memory& workspace)
        : description_({algorithm, plain_desc(input), plain_desc(output), strides, window, padding_begin, padding_end},
                       onednn_engine(), forward),
          primitive_(description_),
          workspace_(workspace) {}

    void run(const float* grad_output, const float*, float* grad_input) override {
        primitive_.execute(onednn_stream(),
                           {{DNNL_ARG_DIFF_DST, plain_memory(description_.diff_dst_desc(), grad_output)},
                            {DNNL_ARG_DIFF_SRC, plain_memory(description_.diff_src_desc(), grad_input)},
                            {DNNL_ARG_WORKSPACE, workspace_}});
    }

private:
    dnnl::pooling_backward::primitive_desc description_;
    dnnl::pooling_backward primitive_;
    dnnl::memory workspace_;
};

/// From the input: with y > 0 where x > 0, the output serves as well.
class OnednnRelu final : public Gradient {
public:
    explicit OnednnRelu(const Dims& dims)
        : description_({dnnl::algorithm::eltwise_relu, plain_desc(dims), plain_desc(dims), 0.0F, 0.0F}, onednn_engine(),
                       ReluForward(dims).description()),
          primitive_(description_) {}

    void run(const float* grad_output, const float* source, float* grad_input) override {
        primitive_.execute(onednn_stream(),
                           {{DNNL_ARG_SRC, plain_memory(description_.src_desc(), source)},
                            {DNNL_ARG_DIFF_DST, plain_memory(description_.diff_dst_desc(), grad_output)},
                            {DNNL_ARG_DIFF_SRC, plain_memory(description_.diff_src_desc(), grad_input)}});
    }

private:
    dnnl::eltwise_backward::primitive_desc description_;
    dnnl::eltwise_backward primitive_;
};

/// oneDNN knows the softmax; the cross entropy takes 1 from the label's entry.
class OnednnLoss final : public LossGradient {
public:
    OnednnLoss(std::int64_t rows, std::int64_t classes)
        : description_({dnnl::prop_kind::forward_inference,
                        plain_desc(dnnl::memory::dims{rows, classes}, dnnl::memory::format_tag::ab), 1},
                       onednn_engine()),
          primitive_(description_),
          rows_(rows),
          classes_(classes) {}

    void run(const float* logits, const std::int64_t* labels, float* grad_logits) override {
        primitive_.execute(onednn_stream(), {{DNNL_ARG_SRC, plain_memory(description_.src_desc(), logits)},
                                             {DNNL_ARG_DST, plain_memory(description_.dst_desc(), grad_logits)}});
        const float scale = 1 / static_cast<float>(rows_);
        for (std::int64_t row = 0; row < rows_; ++row) {
            float* const gradient = grad_logits + row * classes_;
            gradient[labels[row]] -= 1;
            std::for_each(gradient, gradient + classes_, [scale](float& value) { value *= scale; });
        }
    }

private:
    dnnl::softmax_forward::primitive_desc description_;
    dnnl::softmax_forward primitive_;
    std::int64_t rows_;
    std::int64_t classes_;
};

class OnednnGradients final : public GradientLibrary {
public:
    std::unique_ptr<Conv2dGradients> conv2d(const backgrad::Conv2dShape& shape, bool input_gradient) override {
        return std::make_unique<OnednnConv2d>(Conv2dDescs(shape), input_gradient);
    }

    std::unique_ptr<Gradient> max_pool2d(const backgrad::Pool2dShape& s, const MaxPool2dForward& forward) override {
        return std::make_unique<OnednnPool2d>(
            dnnl::algorithm::pooling_max, Dims{s.batch, s.channels, s.in_height, s.in_width},
            Dims{s.batch, s.channels, s.out_height(), s.out_width()},
            dnnl::memory::dims{s.window_height, s.window_width}, dnnl::memory::dims{s.stride_height, s.stride_width},
            dnnl::memory::dims{s.padding_top, s.padding_left}, dnnl::memory::dims{s.padding_bottom, s.padding_right},
            forward.description(), forward.workspace());
    }

    std::unique_ptr<Gradient> global_avg_pool2d(const Dims& input) override {
        const dnnl::memory::dims zero{0, 0};
        return std::make_unique<OnednnPool2d>(dnnl::algorithm::pooling_avg_exclude_padding, input,
                                              Dims{input.batch, input.channels, 1, 1},
                                              dnnl::memory::dims{input.height, input.width}, dnnl::memory::dims{1, 1},
                                              zero, zero, GlobalAvgPool2dForward(input).description(), dnnl::memory());
    }

    std::unique_ptr<Gradient> relu(const Dims& dims) override { return std::make_unique<OnednnRelu>(dims); }

    std::unique_ptr<LossGradient> softmax_cross_entropy(std::int64_t rows, std::int64_t classes) override {
        return std::make_unique<OnednnLoss>(rows, classes);
    }
};

}  // namespace

std::unique_ptr<GradientLibrary> make_onednn_gradients() { return std::make_unique<OnednnGradients>(); }

}  // namespace trainer
