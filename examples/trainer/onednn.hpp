#pragma once

#include "tensor.hpp"

#include <backgrad/conv2d.hpp>
#include <backgrad/pool2d.hpp>

#include <dnnl.hpp>

#include <optional>

namespace trainer {

/// The one CPU engine and its stream.
const dnnl::engine& onednn_engine();
dnnl::stream& onednn_stream();

/// Plain tensors as oneDNN describes them.
dnnl::memory::desc plain_desc(const Dims& dims);
dnnl::memory::desc plain_desc(const dnnl::memory::dims& dims, dnnl::memory::format_tag tag);

/// A memory around data of the caller, for the duration of a call.
dnnl::memory plain_memory(const dnnl::memory::desc& desc, const float* data);

/// A tensor of the caller in another layout, copied each time that it is asked for; the tensor itself if the layouts
/// are the same.
class Reordered {
public:
    Reordered(const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted);

    /// The plain tensor in the wanted layout.
    dnnl::memory load(const float* data);

    /// A memory in the wanted layout to write to; store brings it to the plain tensor.
    dnnl::memory target(float* data);
    void store(float* data);

private:
    dnnl::memory::desc plain_;
    std::optional<dnnl::memory> copy_;
    dnnl::reorder to_copy_;
    dnnl::reorder to_plain_;
};

/// A convolution in oneDNN's words. Weights may be in any layout; `weights_plain` says how they really lie.
struct Conv2dDescs {
    explicit Conv2dDescs(const backgrad::Conv2dShape& shape);

    dnnl::memory::desc input, weights_plain, weights_any, bias, output;
    dnnl::memory::dims strides, dilates, padding_begin, padding_end;
};

class Conv2dForward {
public:
    explicit Conv2dForward(const backgrad::Conv2dShape& shape);

    void run(const float* input, const float* weight, const float* bias, float* output);

private:
    Conv2dDescs descs_;
    dnnl::convolution_forward::primitive_desc description_;
    dnnl::convolution_forward primitive_;
    Reordered weights_;
};

/// Keeps in `workspace` where the maxima are, for oneDNN's own backward pass.
class MaxPool2dForward {
public:
    explicit MaxPool2dForward(const backgrad::Pool2dShape& shape);

    void run(const float* input, float* output);

    const dnnl::pooling_forward::primitive_desc& description() const { return description_; }
    const dnnl::memory& workspace() const { return workspace_; }

private:
    dnnl::pooling_forward::primitive_desc description_;
    dnnl::pooling_forward primitive_;
    dnnl::memory workspace_;
};

/// The mean of each plane.
class GlobalAvgPool2dForward {
public:
    explicit GlobalAvgPool2dForward(const Dims& input);

    void run(const float* input, float* output);

    const dnnl::pooling_forward::primitive_desc& description() const { return description_; }

private:
    dnnl::pooling_forward::primitive_desc description_;
    dnnl::pooling_forward primitive_;
};

/// ReLU in place.
class ReluForward {
public:
    explicit ReluForward(const Dims& dims);

    void run(float* values);

    const dnnl::eltwise_forward::primitive_desc& description() const { return description_; }

private:
    dnnl::eltwise_forward::primitive_desc description_;
    dnnl::eltwise_forward primitive_;
};

}  // namespace trainer
