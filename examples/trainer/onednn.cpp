#include "onednn.hpp"

namespace trainer {
namespace {

using Tag = dnnl::memory::format_tag;
using Sizes = dnnl::memory::dims;

/// Descriptions of poolings differ in their window only.
dnnl::pooling_forward::primitive_desc pooling(dnnl::algorithm algorithm, const Dims& input, const Dims& output,
                                              const Sizes& window, const Sizes& strides, const Sizes& padding_begin,
                                              const Sizes& padding_end) {
    return {{dnnl::prop_kind::forward_training, algorithm, plain_desc(input), plain_desc(output), strides, window,
             padding_begin, padding_end},
            onednn_engine()};
}

}  // namespace

const dnnl::engine& onednn_engine() {
    static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    return engine;
}

dnnl::stream& onednn_stream() {
    static dnnl::stream stream(onednn_engine());
    return stream;
}

dnnl::memory::desc plain_desc(const dnnl::memory::dims& dims, Tag tag) {
    return {dims, dnnl::memory::data_type::f32, tag};
}

dnnl::memory::desc plain_desc(const Dims& dims) {
    return plain_desc({dims.batch, dims.channels, dims.height, dims.width}, Tag::nchw);
}

dnnl::memory plain_memory(const dnnl::memory::desc& desc, const float* data) {
    return {desc, onednn_engine(), const_cast<float*>(data)};
}

Reordered::Reordered(const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted) : plain_(plain) {
    if (plain == wanted) return;
    copy_.emplace(wanted, onednn_engine());
    to_copy_ = dnnl::reorder({onednn_engine(), plain, onednn_engine(), wanted});
    to_plain_ = dnnl::reorder({onednn_engine(), wanted, onednn_engine(), plain});
}

dnnl::memory Reordered::load(const float* data) {
    dnnl::memory plain = plain_memory(plain_, data);
    if (!copy_) return plain;
    to_copy_.execute(onednn_stream(), plain, *copy_);
    return *copy_;
}

dnnl::memory Reordered::target(float* data) { return copy_ ? *copy_ : plain_memory(plain_, data); }

void Reordered::store(float* data) {
    if (!copy_) return;
    dnnl::memory plain = plain_memory(plain_, data);
    to_plain_.execute(onednn_stream(), *copy_, plain);
}

Conv2dDescs::Conv2dDescs(const backgrad::Conv2dShape& s)
    : input(plain_desc(Dims{s.batch, s.in_channels, s.in_height, s.in_width})),
      bias(plain_desc(Sizes{s.out_channels}, Tag::x)),
      output(plain_desc(Dims{s.batch, s.out_channels, s.formula_out_height(), s.formula_out_width()})),
      strides{s.stride_height, s.stride_width},
      dilates{s.dilation_height - 1, s.dilation_width - 1},
      padding_begin{s.padding_top, s.padding_left},
      padding_end{s.padding_bottom, s.padding_right} {
    const std::int64_t in = s.in_channels / s.groups, out = s.out_channels / s.groups;
    const bool grouped = s.groups > 1;
    const Sizes sizes = grouped ? Sizes{s.groups, out, in, s.kernel_height, s.kernel_width}
                                : Sizes{out, in, s.kernel_height, s.kernel_width};
    weights_plain = plain_desc(sizes, grouped ? Tag::goihw : Tag::oihw);
    weights_any = plain_desc(sizes, Tag::any);
}

Conv2dForward::Conv2dForward(const backgrad::Conv2dShape& shape)
    : descs_(shape),
      description_(
          {dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_auto, descs_.input, descs_.weights_any,
           descs_.bias, descs_.output, descs_.strides, descs_.dilates, descs_.padding_begin, descs_.padding_end},
          onednn_engine()),
      primitive_(description_),
      weights_(descs_.weights_plain, description_.weights_desc()) {}

void Conv2dForward::run(const float* input, const float* weight, const float* bias, float* output) {
    primitive_.execute(onednn_stream(), {{DNNL_ARG_SRC, plain_memory(descs_.input, input)},
                                         {DNNL_ARG_WEIGHTS, weights_.load(weight)},
                                         {DNNL_ARG_BIAS, plain_memory(descs_.bias, bias)},
                                         {DNNL_ARG_DST, plain_memory(descs_.output, output)}});
}

MaxPool2dForward::MaxPool2dForward(const backgrad::Pool2dShape& s)
    : description_(pooling(dnnl::algorithm::pooling_max, {s.batch, s.channels, s.in_height, s.in_width},
                           {s.batch, s.channels, s.out_height(), s.out_width()}, {s.window_height, s.window_width},
                           {s.stride_height, s.stride_width}, {s.padding_top, s.padding_left},
                           {s.padding_bottom, s.padding_right})),
      primitive_(description_),
      workspace_(description_.workspace_desc(), onednn_engine()) {}

void MaxPool2dForward::run(const float* input, float* output) {
    primitive_.execute(onednn_stream(), {{DNNL_ARG_SRC, plain_memory(description_.src_desc(), input)},
                                         {DNNL_ARG_DST, plain_memory(description_.dst_desc(), output)},
                                         {DNNL_ARG_WORKSPACE, workspace_}});
}

GlobalAvgPool2dForward::GlobalAvgPool2dForward(const Dims& input)
    : description_(pooling(dnnl::algorithm::pooling_avg_exclude_padding, input, {input.batch, input.channels, 1, 1},
                           {input.height, input.width}, {1, 1}, {0, 0}, {0, 0})),
      primitive_(description_) {}

void GlobalAvgPool2dForward::run(const float* input, float* output) {
    primitive_.execute(onednn_stream(), {{DNNL_ARG_SRC, plain_memory(description_.src_desc(), input)},
                                         {DNNL_ARG_DST, plain_memory(description_.dst_desc(), output)}});
}

ReluForward::ReluForward(const Dims& dims)
    : description_({dnnl::prop_kind::forward_training, dnnl::algorithm::eltwise_relu, plain_desc(dims), 0.0F, 0.0F},
                   onednn_engine()),
      primitive_(description_) {}

void ReluForward::run(float* values) {
    const dnnl::memory memory = plain_memory(description_.src_desc(), values);
    primitive_.execute(onednn_stream(), {{DNNL_ARG_SRC, memory}, {DNNL_ARG_DST, memory}});
}

}  // namespace trainer
