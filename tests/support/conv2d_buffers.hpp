#pragma once

#include "oracle/conv2d.hpp"
#include "support/guarded.hpp"

#include <backgrad/conv2d.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace backgrad::test {

/// All six tensors of a problem, guarded.
template <class T>
struct Conv2dBuffers {
    Conv2dBuffers(const Conv2dShape& shape, const Conv2dBackwardOptions& options)
        : grad_output(oracle::output_tensor(shape, options.layout).elements()),
          input(oracle::input_tensor(shape, options.layout).elements()),
          weight(oracle::weight_tensor(shape, options.layout, options.weight_layout).elements()),
          grad_input(static_cast<std::int64_t>(input.size())),
          grad_weight(static_cast<std::int64_t>(weight.size())),
          grad_bias(shape.out_channels) {}

    /// Fills the three tensors that are read: fill(tensor).
    template <class Fill>
    void fill_inputs(const Fill& fill) {
        fill(grad_output);
        fill(input);
        fill(weight);
    }

    /// The gradients back to NaN.
    void reset_gradients() {
        for (Guarded<T>* gradient : {&grad_input, &grad_weight, &grad_bias}) gradient->reset();
    }

    /// Pointers to what the gradients need, null for the rest.
    Conv2dBackwardArguments<T> arguments(const Conv2dGradients& gradients = {}) {
        return {.grad_output = grad_output.data(),
                .input = gradients.weight ? input.data() : nullptr,
                .weight = gradients.input ? weight.data() : nullptr,
                .grad_input = gradients.input ? grad_input.data() : nullptr,
                .grad_weight = gradients.weight ? grad_weight.data() : nullptr,
                .grad_bias = gradients.bias ? grad_bias.data() : nullptr};
    }

    bool intact() const {
        return grad_output.intact() && input.intact() && weight.intact() && grad_input.intact() &&
               grad_weight.intact() && grad_bias.intact();
    }

    Guarded<T> grad_output, input, weight, grad_input, grad_weight, grad_bias;
};

/// Makes a plan and executes it with a NaN-filled, guarded workspace.
template <class T>
void execute(const Conv2dShape& shape, const Conv2dBackwardOptions& options, Conv2dBuffers<T>& buffers) {
    const Conv2dBackward<T> plan(shape, options);
    GuardedWorkspace workspace(plan.workspace_bytes());
    plan.execute(buffers.arguments(options.gradients), workspace.data());
    EXPECT_TRUE(workspace.intact()) << "written past the workspace";
    EXPECT_TRUE(buffers.intact()) << "written past a tensor";
}

/// The subsets of the gradients, 1 to 7: bit 0 input, bit 1 weight, bit 2 bias.
inline Conv2dGradients subset(int bits) { return {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0}; }

/// Where `actual` differs from `expected`: how often, and the first element.
template <class T>
testing::AssertionResult equal(const std::vector<double>& expected, const Guarded<T>& actual) {
    if (expected.size() != actual.size()) return testing::AssertionFailure() << "sizes differ";
    std::size_t first = 0, count = 0;
    for (std::size_t k = expected.size(); k-- > 0;) {
        if (expected[k] == static_cast<double>(actual[k])) continue;
        first = k;
        ++count;
    }
    if (count == 0) return testing::AssertionSuccess();
    return testing::AssertionFailure() << count << " of " << expected.size() << " elements differ, the first is ["
                                       << first << "]: expected " << expected[first] << ", got " << actual[first];
}

}  // namespace backgrad::test
