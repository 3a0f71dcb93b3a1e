#include "models.hpp"

#include "batch_norm.hpp"
#include "idx.hpp"

namespace trainer {
namespace {

/// Adds layers to a network, each made for the sizes that the one before leaves.
class Builder {
public:
    Builder(Sequential& network, std::string prefix, GradientLibrary& library, std::mt19937_64& random)
        : network_(network), prefix_(std::move(prefix)), library_(library), random_(random) {}

    /// The first layer of all needs no gradient of the images.
    void images_need_no_gradient() { input_gradient_ = false; }

    void conv2d(const std::string& name, std::int64_t channels, std::int64_t kernel, std::int64_t stride,
                std::int64_t padding, std::int64_t groups = 1) {
        const Dims in = network_.output_dims();
        backgrad::Conv2dShape shape{.batch = in.batch,
                                    .in_channels = in.channels,
                                    .in_height = in.height,
                                    .in_width = in.width,
                                    .out_channels = channels};
        shape.kernel_height = shape.kernel_width = kernel;
        shape.stride_height = shape.stride_width = stride;
        shape.padding_top = shape.padding_bottom = shape.padding_left = shape.padding_right = padding;
        shape.groups = groups;
        add_conv2d(name, shape);
    }

    void dense(const std::string& name, std::int64_t features) {
        const Dims in = network_.output_dims();
        add_conv2d(name, {.batch = in.batch, .in_channels = in.channels * in.pixels(), .out_channels = features});
    }

    void max_pool2d(std::int64_t window) {
        const Dims in = network_.output_dims();
        backgrad::Pool2dShape shape{
            .batch = in.batch, .channels = in.channels, .in_height = in.height, .in_width = in.width};
        shape.window_height = shape.window_width = shape.stride_height = shape.stride_width = window;
        network_.add(std::make_unique<MaxPool2d>(shape, library_));
    }

    void relu() { network_.add(std::make_unique<Relu>(network_.output_dims(), library_)); }

    void batch_norm(const std::string& name) {
        network_.add(std::make_unique<BatchNorm>(prefix_ + name, network_.output_dims()));
    }

    void global_avg_pool2d() { network_.add(std::make_unique<GlobalAvgPool2d>(network_.output_dims(), library_)); }

    /// Depthwise 3x3 and 1x1, each with batch normalisation, beside a 1x1 shortcut where the sizes change.
    void residual_block(const std::string& name, std::int64_t channels, std::int64_t stride) {
        const Dims in = network_.output_dims();
        Sequential body(in), shortcut(in);
        Builder to_body(body, prefix_ + name + ".", library_, random_);
        to_body.conv2d("depthwise", in.channels, 3, stride, 1, in.channels);
        to_body.batch_norm("depthwise_norm");
        to_body.relu();
        to_body.conv2d("pointwise", channels, 1, 1, 0);
        to_body.batch_norm("pointwise_norm");
        if (channels != in.channels || stride != 1) {
            Builder to_shortcut(shortcut, prefix_ + name + ".", library_, random_);
            to_shortcut.conv2d("shortcut", channels, 1, stride, 0);
            to_shortcut.batch_norm("shortcut_norm");
        }
        network_.add(std::make_unique<Residual>(std::move(body), std::move(shortcut)));
        relu();
    }

private:
    void add_conv2d(const std::string& name, const backgrad::Conv2dShape& shape) {
        if (shape.formula_out_height() < 1 || shape.formula_out_width() < 1) {
            throw UserError("images: too small for the model: nothing is left of them at layer " + prefix_ + name);
        }
        network_.add(std::make_unique<Conv2d>(prefix_ + name, shape, input_gradient_, library_, random_));
        input_gradient_ = true;
    }

    Sequential& network_;
    std::string prefix_;
    GradientLibrary& library_;
    std::mt19937_64& random_;
    bool input_gradient_ = true;
};

void lenet5(Builder& builder, int classes) {
    builder.conv2d("conv1", 6, 5, 1, 2);
    builder.relu();
    builder.max_pool2d(2);
    builder.conv2d("conv2", 16, 5, 1, 0);
    builder.relu();
    builder.max_pool2d(2);
    builder.dense("dense1", 120);
    builder.relu();
    builder.dense("dense2", 84);
    builder.relu();
    builder.dense("dense3", classes);
}

void resnet8(Builder& builder, int classes) {
    builder.conv2d("stem", 32, 3, 1, 1);
    builder.batch_norm("stem_norm");
    builder.relu();
    builder.residual_block("block1", 32, 1);
    builder.residual_block("block2", 64, 2);
    builder.residual_block("block3", 128, 2);
    builder.global_avg_pool2d();
    builder.dense("dense", classes);
}

}  // namespace

Sequential make_model(const std::string& name, const Dims& input, int classes, GradientLibrary& library,
                      std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Sequential network(input);
    Builder builder(network, "", library, random);
    builder.images_need_no_gradient();
    if (name == "lenet5") lenet5(builder, classes);
    else if (name == "resnet8") resnet8(builder, classes);
    else throw UserError("--model: expected lenet5 or resnet8, got \"" + name + '"');
    return network;
}

}  // namespace trainer
