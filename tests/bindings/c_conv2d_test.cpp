// A convolution through C: every option reaches the C++ plan, so that the bits are the same.
#include "bindings/c_api.hpp"

#include <backgrad/conv2d.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace backgrad::test {
namespace {

/// Every field has a value of its own, so that no two of them can be mixed up unnoticed.
constexpr Conv2dShape shape{.batch = 2,
                            .in_channels = 6,
                            .in_height = 17,
                            .in_width = 13,
                            .out_channels = 10,
                            .kernel_height = 3,
                            .kernel_width = 4,
                            .stride_height = 3,
                            .stride_width = 1,
                            .padding_top = 0,
                            .padding_bottom = 5,
                            .padding_left = 1,
                            .padding_right = 4,
                            .dilation_height = 1,
                            .dilation_width = 2,
                            .groups = 2};

backgrad_conv2d_shape to_c(const Conv2dShape& s) {
    backgrad_conv2d_shape c = backgrad_conv2d_default_shape();
    c.batch = s.batch;
    c.in_channels = s.in_channels;
    c.in_height = s.in_height;
    c.in_width = s.in_width;
    c.out_channels = s.out_channels;
    c.kernel_height = s.kernel_height;
    c.kernel_width = s.kernel_width;
    c.stride_height = s.stride_height;
    c.stride_width = s.stride_width;
    c.padding_top = s.padding_top;
    c.padding_bottom = s.padding_bottom;
    c.padding_left = s.padding_left;
    c.padding_right = s.padding_right;
    c.dilation_height = s.dilation_height;
    c.dilation_width = s.dilation_width;
    c.groups = s.groups;
    c.out_height = s.out_height;
    c.out_width = s.out_width;
    return c;
}

backgrad_conv2d_backward_options to_c(const Conv2dBackwardOptions& o) {
    backgrad_conv2d_backward_options c = backgrad_conv2d_backward_default_options();
    c.layout = static_cast<backgrad_layout>(o.layout);
    c.weight_layout = static_cast<backgrad_weight_layout>(o.weight_layout);
    c.compute_grad_input = o.gradients.input;
    c.compute_grad_weight = o.gradients.weight;
    c.compute_grad_bias = o.gradients.bias;
    c.grad_input_mode = static_cast<backgrad_write_mode>(o.grad_input_mode);
    c.grad_weight_mode = static_cast<backgrad_write_mode>(o.grad_weight_mode);
    c.grad_bias_mode = static_cast<backgrad_write_mode>(o.grad_bias_mode);
    c.input_gradient = static_cast<backgrad_input_gradient>(o.input_gradient);
    return c;
}

/// The three gradients, started from the same numbers so that accumulation shows and so does what is left alone.
template <class T>
struct Tensors {
    explicit Tensors(const Conv2dShape& s)
        : grad_output(numbers<T>(
              s.batch * s.out_channels * std::max(s.out_height, s.formula_out_height()) * s.formula_out_width(), 1)),
          input(numbers<T>(s.batch * s.in_channels * s.in_height * s.in_width, 2)),
          weight(numbers<T>(s.out_channels * s.in_channels / s.groups * s.kernel_height * s.kernel_width, 3)),
          grad_input(numbers<T>(input.size(), 4)),
          grad_weight(numbers<T>(weight.size(), 5)),
          grad_bias(numbers<T>(s.out_channels, 6)) {}

    std::vector<T> grad_output, input, weight, grad_input, grad_weight, grad_bias;
};

template <class T>
void run_cpp(const Conv2dShape& s, const Conv2dBackwardOptions& options, Tensors<T>& tensors) {
    conv2d_backward<T>(s,
                       {tensors.grad_output.data(), tensors.input.data(), tensors.weight.data(),
                        tensors.grad_input.data(), tensors.grad_weight.data(), tensors.grad_bias.data()},
                       options);
}

template <class T>
void run_c(const Conv2dShape& s, const Conv2dBackwardOptions& options, Tensors<T>& tensors) {
    const backgrad_conv2d_shape c_shape = to_c(s);
    const backgrad_conv2d_backward_options c_options = to_c(options);
    OwnedPlan owned;
    ASSERT_EQ(backgrad_conv2d_backward_create(&owned.plan, dtype_of<T>, &c_shape, &c_options), BACKGRAD_OK);
    const Workspace workspace(backgrad_plan_workspace_bytes(owned.plan));
    const backgrad_conv2d_backward_arguments arguments{tensors.grad_output.data(),
                                                       tensors.input.data(),
                                                       tensors.weight.data(),
                                                       tensors.grad_input.data(),
                                                       tensors.grad_weight.data(),
                                                       tensors.grad_bias.data(),
                                                       {}};
    ASSERT_EQ(backgrad_conv2d_backward_execute(owned.plan, &arguments, workspace.data()), BACKGRAD_OK);
}

template <class T>
void expect_same(const Conv2dShape& s, const Conv2dBackwardOptions& options) {
    Tensors<T> from_cpp(s), from_c(s);
    run_cpp(s, options, from_cpp);
    run_c(s, options, from_c);
    EXPECT_EQ(from_cpp.grad_input, from_c.grad_input);
    EXPECT_EQ(from_cpp.grad_weight, from_c.grad_weight);
    EXPECT_EQ(from_cpp.grad_bias, from_c.grad_bias);
}

void expect_same(const std::string& title, const Conv2dShape& s, const Conv2dBackwardOptions& options) {
    SCOPED_TRACE(title);
    expect_same<float>(s, options);
    expect_same<double>(s, options);
}

TEST(CConv2d, EveryOptionArrives) {
    constexpr WriteMode accumulate = WriteMode::accumulate;
    expect_same("defaults", shape, {});
    expect_same("layout", shape, {.layout = Layout::nhwc});
    expect_same("weight layout", shape, {.weight_layout = WeightLayout::ohwi});
    expect_same("only grad_input", shape, {.gradients = {true, false, false}});
    expect_same("only grad_weight", shape, {.gradients = {false, true, false}});
    expect_same("only grad_bias", shape, {.gradients = {false, false, true}});
    expect_same("accumulated grad_input", shape, {.grad_input_mode = accumulate});
    expect_same("accumulated grad_weight", shape, {.grad_weight_mode = accumulate});
    expect_same("accumulated grad_bias", shape, {.grad_bias_mode = accumulate});
}

TEST(CConv2d, RotatedKernelWithALargerGradOutput) {
    Conv2dShape dense{.batch = 2, .in_channels = 3, .in_height = 8, .in_width = 9, .out_channels = 4};
    dense.kernel_height = 3;
    dense.kernel_width = 2;
    dense.out_height = 8;  // the formula gives 6
    dense.out_width = 8;
    expect_same("rotated kernel", dense, {.input_gradient = InputGradient::rotated_kernel});
}

/// What stood in the gradients when the notification came.
struct Snapshot {
    const Tensors<float>& tensors;
    int calls = 0;
    std::vector<float> grad_input{}, grad_weight{}, grad_bias{};

    static void take(void* context) {
        Snapshot& self = *static_cast<Snapshot*>(context);
        ++self.calls;
        self.grad_input = self.tensors.grad_input;
        self.grad_weight = self.tensors.grad_weight;
        self.grad_bias = self.tensors.grad_bias;
    }
};

TEST(CConv2d, TellsWhenTheWeightsAreReady) {
    const backgrad_conv2d_shape c_shape = to_c(shape);
    backgrad_conv2d_backward_options options = backgrad_conv2d_backward_default_options();
    options.order = BACKGRAD_CONV2D_WEIGHTS_FIRST;
    OwnedPlan owned;
    ASSERT_EQ(backgrad_conv2d_backward_create(&owned.plan, BACKGRAD_F32, &c_shape, &options), BACKGRAD_OK);
    const Workspace workspace(backgrad_plan_workspace_bytes(owned.plan));
    Tensors<float> tensors(shape), together(shape);
    run_cpp(shape, {}, together);
    const std::vector<float> before = tensors.grad_input;
    Snapshot snapshot{tensors};
    const backgrad_conv2d_backward_arguments arguments{
        tensors.grad_output.data(), tensors.input.data(),     tensors.weight.data(),      tensors.grad_input.data(),
        tensors.grad_weight.data(), tensors.grad_bias.data(), {Snapshot::take, &snapshot}};
    ASSERT_EQ(backgrad_conv2d_backward_execute(owned.plan, &arguments, workspace.data()), BACKGRAD_OK);
    EXPECT_EQ(snapshot.calls, 1);
    EXPECT_EQ(snapshot.grad_weight, together.grad_weight);
    EXPECT_EQ(snapshot.grad_bias, together.grad_bias);
    EXPECT_EQ(snapshot.grad_input, before);
    EXPECT_EQ(tensors.grad_input, together.grad_input);
}

TEST(CConv2d, RefusesAnOrderThatIsNoEnumerator) {
    const backgrad_conv2d_shape c_shape = to_c(shape);
    backgrad_conv2d_backward_options options = backgrad_conv2d_backward_default_options();
    options.order = static_cast<backgrad_conv2d_order>(2);
    OwnedPlan owned;
    EXPECT_EQ(backgrad_conv2d_backward_create(&owned.plan, BACKGRAD_F32, &c_shape, &options),
              BACKGRAD_INVALID_ARGUMENT);
    EXPECT_EQ(std::string(backgrad_last_error()).rfind("options.order", 0), 0U) << backgrad_last_error();
}

TEST(CConv2d, DefaultsAreThoseOfCpp) {
    const backgrad_conv2d_shape c = backgrad_conv2d_default_shape();
    const backgrad_conv2d_shape cpp = to_c(Conv2dShape{});
    const auto fields = {&backgrad_conv2d_shape::batch,          &backgrad_conv2d_shape::in_channels,
                         &backgrad_conv2d_shape::in_height,      &backgrad_conv2d_shape::in_width,
                         &backgrad_conv2d_shape::out_channels,   &backgrad_conv2d_shape::kernel_height,
                         &backgrad_conv2d_shape::kernel_width,   &backgrad_conv2d_shape::stride_height,
                         &backgrad_conv2d_shape::stride_width,   &backgrad_conv2d_shape::padding_top,
                         &backgrad_conv2d_shape::padding_bottom, &backgrad_conv2d_shape::padding_left,
                         &backgrad_conv2d_shape::padding_right,  &backgrad_conv2d_shape::dilation_height,
                         &backgrad_conv2d_shape::dilation_width, &backgrad_conv2d_shape::groups,
                         &backgrad_conv2d_shape::out_height,     &backgrad_conv2d_shape::out_width};
    EXPECT_EQ(fields.size() * sizeof(std::int64_t), sizeof(backgrad_conv2d_shape)) << "a field is not compared";
    for (const auto field : fields) EXPECT_EQ(c.*field, cpp.*field);
    const backgrad_conv2d_backward_options options = backgrad_conv2d_backward_default_options();
    EXPECT_EQ(options.layout, BACKGRAD_LAYOUT_NCHW);
    EXPECT_EQ(options.compute_grad_input + options.compute_grad_weight + options.compute_grad_bias, 3);
    EXPECT_EQ(options.grad_input_mode, BACKGRAD_OVERWRITE);
    EXPECT_EQ(options.order, BACKGRAD_CONV2D_TOGETHER);
}

TEST(CConv2d, OutputSizesFollowTheFormula) {
    const backgrad_conv2d_shape c = to_c(shape);
    EXPECT_EQ(backgrad_conv2d_out_height(&c), shape.formula_out_height());
    EXPECT_EQ(backgrad_conv2d_out_width(&c), shape.formula_out_width());
    EXPECT_EQ(backgrad_conv2d_out_height(nullptr), 0);
}

}  // namespace
}  // namespace backgrad::test
