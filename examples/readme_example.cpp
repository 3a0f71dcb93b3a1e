#include <backgrad/backgrad.hpp>
#include <vector>

int main() {
    backgrad::Conv2dShape shape{.batch = 8, .in_channels = 64, .in_height = 58, .in_width = 58, .out_channels = 64};
    shape.kernel_height = shape.kernel_width = 3;
    std::vector<float> input(8 * 64 * 58 * 58, 1), weight(64 * 64 * 3 * 3, 1), grad_output(8 * 64 * 56 * 56, 1);
    std::vector<float> grad_input(input.size()), grad_weight(weight.size()), grad_bias(64);
    const backgrad::Conv2dBackward<float> plan(shape, {.strategy = {.threads = 2}});
    backgrad::Workspace workspace(plan.workspace_bytes());
    plan.execute(
        {grad_output.data(), input.data(), weight.data(), grad_input.data(), grad_weight.data(), grad_bias.data()},
        workspace.data());
    return grad_bias[0] == 8 * 56 * 56 ? 0 : 1;  // the bias gradient sums grad_output over images and pixels
}
