// The order of the gradients changes no bit, and who asked is told when those of the weights are final.
#include "support/conv2d_buffers.hpp"
#include "support/random.hpp"

#include <backgrad/conv2d.hpp>
#include <backgrad/names.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace backgrad::test {
namespace {

struct Case {
    std::string name;
    Conv2dShape shape;
    Conv2dBackwardOptions options{};
};

Conv2dShape layer(std::int64_t kernel, std::int64_t groups) {
    Conv2dShape shape{.batch = 3, .in_channels = 20, .in_height = 11, .in_width = 13, .out_channels = 20};
    shape.kernel_height = shape.kernel_width = kernel;
    shape.padding_top = shape.padding_left = kernel / 2;
    shape.groups = groups;
    return shape;
}

std::vector<Case> cases() {
    return {{"Dense", layer(3, 1)},
            {"Pointwise", layer(1, 1)},
            {"Grouped", layer(3, 2)},
            {"Depthwise", layer(3, 20)},
            {"ChannelsLast", layer(3, 1), {.layout = Layout::nhwc}},
            {"Accumulated",
             layer(3, 1),
             {.grad_input_mode = WriteMode::accumulate,
              .grad_weight_mode = WriteMode::accumulate,
              .grad_bias_mode = WriteMode::accumulate}},
            {"WithoutInput", layer(3, 1), {.gradients = {false, true, true}}},
            {"OnlyInput", layer(3, 1), {.gradients = {true, false, false}}},
            {"BiasAndInput", layer(3, 1), {.gradients = {true, false, true}}},
            {"EmptyBatch", {.batch = 0, .in_channels = 4, .in_height = 5, .in_width = 5, .out_channels = 3}}};
}

/// The gradients with one order, from the same numbers for every order, and what stood in them when the notification
/// came. Bytes, since what a plan leaves alone may hold any number.
class Execution {
public:
    Execution(const Case& c, Conv2dOrder order, int threads) : buffers_(c.shape, c.options) {
        std::mt19937_64 random(seed_of(c.name));
        buffers_.fill_inputs([&](Guarded<float>& tensor) { fill_reals(tensor, random); });
        for (Guarded<float>* gradient : {&buffers_.grad_input, &buffers_.grad_weight, &buffers_.grad_bias})
            fill_reals(*gradient, random);
        before = gradients();
        Conv2dBackwardOptions options = c.options;
        options.order = order;
        options.strategy.threads = threads;
        const Conv2dBackward<float> plan(c.shape, options);
        GuardedWorkspace workspace(plan.workspace_bytes());
        Conv2dBackwardArguments<float> arguments = buffers_.arguments(options.gradients);
        arguments.weights_ready = {take, this};
        plan.execute(arguments, workspace.data());
        after = gradients();
        EXPECT_TRUE(workspace.intact() && buffers_.intact());
    }

    struct Gradients {
        std::vector<std::byte> input, weight, bias;
        bool operator==(const Gradients&) const = default;
    };

    int calls = 0;
    std::thread::id thread{};
    Gradients before, ready, after;

private:
    static void take(void* context) {
        Execution& self = *static_cast<Execution*>(context);
        ++self.calls;
        self.thread = std::this_thread::get_id();
        self.ready = self.gradients();
    }

    static std::vector<std::byte> bytes(const Guarded<float>& tensor) {
        const auto* first = reinterpret_cast<const std::byte*>(tensor.data());
        return {first, first + tensor.size() * sizeof(float)};
    }

    Gradients gradients() const {
        return {bytes(buffers_.grad_input), bytes(buffers_.grad_weight), bytes(buffers_.grad_bias)};
    }

    Conv2dBuffers<float> buffers_;
};

class Conv2dOrderTest : public testing::TestWithParam<Case> {};

TEST_P(Conv2dOrderTest, ChangesNoBit) {
    const Execution together(GetParam(), Conv2dOrder::together, 1);
    for (const int threads : {1, 2, 3})
        EXPECT_EQ(Execution(GetParam(), Conv2dOrder::weights_first, threads).after, together.after)
            << threads << " threads";
}

TEST_P(Conv2dOrderTest, NotifiesOnceOnTheCallingThreadWhenTheWeightsAreFinal) {
    for (const Name<Conv2dOrder>& order : names<Conv2dOrder>) {
        const Execution execution(GetParam(), order.value, 2);
        EXPECT_EQ(execution.calls, 1) << order.word;
        EXPECT_EQ(execution.thread, std::this_thread::get_id()) << order.word;
        EXPECT_EQ(execution.ready.weight, execution.after.weight) << order.word;
        EXPECT_EQ(execution.ready.bias, execution.after.bias) << order.word;
    }
}

TEST_P(Conv2dOrderTest, WeightsFirstLeavesTheInputsGradientForLater) {
    const Execution execution(GetParam(), Conv2dOrder::weights_first, 2);
    const bool in_one_pass = GetParam().name == "Depthwise";
    EXPECT_EQ(execution.ready.input, in_one_pass ? execution.after.input : execution.before.input);
    const bool computed = GetParam().options.gradients.input && GetParam().shape.batch > 0;
    EXPECT_EQ(execution.after.input != execution.before.input, computed);
}

INSTANTIATE_TEST_SUITE_P(Problems, Conv2dOrderTest, testing::ValuesIn(cases()),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

}  // namespace
}  // namespace backgrad::test
