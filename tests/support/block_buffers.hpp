#pragma once

#include "oracle/conv2d.hpp"
#include "oracle/pool2d.hpp"
#include "support/describe.hpp"
#include "support/guarded.hpp"

#include <backgrad/block.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

namespace backgrad::test {

/// All tensors of a block, guarded. The positions of maxima are those of `pool_input`.
template <class T>
struct BlockBuffers {
    BlockBuffers(const BlockShape& shape, const BlockBackwardOptions& options)
        : pooling(shape.pooling()),
          layout(options.convolution.layout),
          grad_output(oracle::output_tensor(pooling, layout).elements()),
          plane_indices(static_cast<std::int64_t>(grad_output.size())),
          window_offsets(static_cast<std::int64_t>(grad_output.size())),
          pool_input(oracle::input_tensor(pooling, layout).elements()),
          activation_source(static_cast<std::int64_t>(pool_input.size())),
          input(oracle::input_tensor(shape.convolution, layout).elements()),
          weight(oracle::weight_tensor(shape.convolution, layout, options.convolution.weight_layout).elements()),
          grad_input(static_cast<std::int64_t>(input.size())),
          grad_weight(static_cast<std::int64_t>(weight.size())),
          grad_bias(shape.convolution.out_channels) {}

    /// Fills the tensors that are read: fill(tensor).
    template <class Fill>
    void fill_inputs(const Fill& fill) {
        for (Guarded<T>* tensor : {&grad_output, &pool_input, &activation_source, &input, &weight}) fill(*tensor);
        const auto indices = oracle::max_pool2d_plane_indices(pooling, layout, pool_input.data());
        std::copy(indices.begin(), indices.end(), plane_indices.begin());
        const auto offsets = oracle::max_pool2d_window_offsets(pooling, layout, pool_input.data());
        std::copy(offsets.begin(), offsets.end(), window_offsets.begin());
    }

    /// The gradients to a value, as accumulation finds them, or back to NaN.
    void prepare(T old_content) {
        for (Guarded<T>* gradient : {&grad_input, &grad_weight, &grad_bias})
            std::fill(gradient->begin(), gradient->end(), old_content);
    }

    BlockBackwardArguments<T> arguments() {
        return {.grad_output = grad_output.data(),
                .plane_indices = plane_indices.data(),
                .window_offsets = window_offsets.data(),
                .pool_input = pool_input.data(),
                .activation_source = activation_source.data(),
                .input = input.data(),
                .weight = weight.data(),
                .grad_input = grad_input.data(),
                .grad_weight = grad_weight.data(),
                .grad_bias = grad_bias.data()};
    }

    bool intact() const { return grad_input.intact() && grad_weight.intact() && grad_bias.intact(); }

    Pool2dShape pooling;
    Layout layout;
    Guarded<T> grad_output;
    Guarded<std::int32_t> plane_indices;
    Guarded<std::uint8_t> window_offsets;
    Guarded<T> pool_input, activation_source, input, weight, grad_input, grad_weight, grad_bias;
};

/// A plan of the block, executed with a NaN-filled, guarded workspace.
template <class T>
void execute_block(const BlockShape& shape, const BlockBackwardOptions& options, BlockBuffers<T>& buffers) {
    const BlockBackward<T> plan(shape, options);
    GuardedWorkspace workspace(plan.workspace_bytes());
    plan.execute(buffers.arguments(), workspace.data());
    EXPECT_TRUE(workspace.intact()) << "written past the workspace";
    EXPECT_TRUE(buffers.intact()) << "written past a gradient";
}

/// The three operations of the block, one after the other over whole tensors.
template <class T>
void execute_separately(const BlockShape& shape, const BlockBackwardOptions& options, BlockBuffers<T>& buffers) {
    const Strategy& strategy = options.convolution.strategy;
    const std::int64_t elements = static_cast<std::int64_t>(buffers.pool_input.size());
    Guarded<T> pooled(elements), activated(elements);
    const T* gradient = buffers.grad_output.data();
    if (shape.pool == BlockPool::max) {
        const MaxPool2dBackward<T> plan(
            buffers.pooling, {.layout = buffers.layout, .source = options.max_pool_source, .strategy = strategy});
        plan.execute({gradient, buffers.pool_input.data(), buffers.plane_indices.data(), buffers.window_offsets.data(),
                      pooled.data()});
        gradient = pooled.data();
    } else if (shape.pool == BlockPool::average) {
        const AvgPool2dBackward<T> plan(
            buffers.pooling, {.layout = buffers.layout, .padding = options.average_padding, .strategy = strategy});
        plan.execute({gradient, pooled.data()});
        gradient = pooled.data();
    }
    const ActivationBackward<T> activation(elements, {.activation = options.activation,
                                                      .source = options.activation_source,
                                                      .alpha = options.alpha,
                                                      .strategy = strategy});
    activation.execute({gradient, buffers.activation_source.data(), activated.data()});
    const Conv2dBackward<T> convolution(shape.convolution, options.convolution);
    GuardedWorkspace workspace(convolution.workspace_bytes());
    convolution.execute({activated.data(), buffers.input.data(), buffers.weight.data(), buffers.grad_input.data(),
                         buffers.grad_weight.data(), buffers.grad_bias.data()},
                        workspace.data());
}

inline std::string describe(const BlockShape& shape, const BlockBackwardOptions& options) {
    std::ostringstream text;
    text << describe(shape.convolution) << " pool " << name(shape.pool) << " " << shape.pool_window_height << "x"
         << shape.pool_window_width << " s" << shape.pool_stride_height << "x" << shape.pool_stride_width << " p"
         << shape.pool_padding_top << "x" << shape.pool_padding_left << " " << name(options.max_pool_source) << " "
         << name(options.average_padding) << " " << name(options.activation) << " of "
         << name(options.activation_source) << " chunk " << options.chunk_bytes << " " << describe(options.convolution);
    return text.str();
}

}  // namespace backgrad::test
