#pragma once

#include <backgrad/names.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace backgrad::bench {

/// What a shape describes, and so which operations fit it.
enum class ShapeKind { conv2d, pool2d, activation, block, none };

/// The operations that are measured.
enum class Operation {
    conv2d_backward_input,
    conv2d_backward_weight,  ///< with grad_bias
    conv2d_backward,         ///< all three gradients
    max_pool2d_backward,
    avg_pool2d_backward,
    global_avg_pool2d_backward,
    activation_backward,
    block_backward,  ///< a convolution's three gradients through its activation and pooling
    launch,          ///< an empty run of an executor; fits no shape, so it is measured only where it is asked for
};

enum class Dtype { f32, f64 };

/// Where an operation's data lies when it is timed.
enum class Cache {
    warm,  ///< the same buffers again and again
    cold,  ///< buffers in rotation, more than any last-level cache holds
};

/// What more threads do.
enum class Scaling {
    strong,  ///< the same problem
    weak,    ///< as many times the batch
};

/// The kind of shape that an operation needs.
ShapeKind kind_of(Operation operation);

/// The flavours of an operation, the default first. Operations without flavours have one, "default".
const std::vector<std::string>& modes_of(Operation operation);

/// What a mode of activation_backward means: a function, and whether its derivative comes from a mask.
struct ActivationMode {
    Activation activation;
    bool masked;
};

/// Throws Error for a word that is no mode.
ActivationMode activation_mode(std::string_view mode);

/// "a, b or c", for messages.
std::string join_alternatives(const std::vector<std::string>& words);

}  // namespace backgrad::bench

namespace backgrad {

template <>
inline constexpr Name<bench::Operation> names<bench::Operation>[] = {
    {bench::Operation::conv2d_backward_input, "conv2d_backward_input"},
    {bench::Operation::conv2d_backward_weight, "conv2d_backward_weight"},
    {bench::Operation::conv2d_backward, "conv2d_backward"},
    {bench::Operation::max_pool2d_backward, "max_pool2d_backward"},
    {bench::Operation::avg_pool2d_backward, "avg_pool2d_backward"},
    {bench::Operation::global_avg_pool2d_backward, "global_avg_pool2d_backward"},
    {bench::Operation::activation_backward, "activation_backward"},
    {bench::Operation::block_backward, "block_backward"},
    {bench::Operation::launch, "launch"},
};

template <>
inline constexpr Name<bench::Dtype> names<bench::Dtype>[] = {
    {bench::Dtype::f32, "f32"},
    {bench::Dtype::f64, "f64"},
};

template <>
inline constexpr Name<bench::Scaling> names<bench::Scaling>[] = {
    {bench::Scaling::strong, "strong"},
    {bench::Scaling::weak, "weak"},
};

template <>
inline constexpr Name<bench::Cache> names<bench::Cache>[] = {
    {bench::Cache::warm, "warm"},
    {bench::Cache::cold, "cold"},
};

}  // namespace backgrad
