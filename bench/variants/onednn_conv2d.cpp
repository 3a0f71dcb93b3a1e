#include "variants/onednn_operations.hpp"

namespace backgrad::bench {
namespace {

using dnnl::memory;

/// A convolution in oneDNN's words; dilation 0 is dense there.
struct Geometry {
    memory::dims strides, dilations, padding_begin, padding_end;

    explicit Geometry(const Conv2dShape& s)
        : strides{s.stride_height, s.stride_width},
          dilations{s.dilation_height - 1, s.dilation_width - 1},
          padding_begin{s.padding_top, s.padding_left},
          padding_end{s.padding_bottom, s.padding_right} {}
};

/// Builds the primitives of one problem and binds every data set to them.
class Conv2dBuilder {
public:
    Conv2dBuilder(OnednnRunnable& runnable, const Cell& cell, Problems sets,
                  const std::vector<const Tensor<float>*>& grad_outputs, PeerLayout layout)
        : shape_(conv2d_shape(cell.shape)),
          geometry_(shape_),
          groups_(shape_.groups > 1 ? shape_.groups : 0),
          sets_(sets),
          grad_outputs_(grad_outputs),
          runnable_(runnable) {
        const auto choose = [&](const memory::desc& plain) {
            return layout == PeerLayout::plain ? plain : any_layout(plain);
        };
        const Problem<float>& p = sets[0];
        const Tensor<float>& input = p.input.elements() > 0 ? p.input : p.grad_input;
        const Tensor<float>& weight = p.weight.elements() > 0 ? p.weight : p.grad_weight;
        plain_input_ = plain_description(input);
        plain_output_ = plain_description(*grad_outputs[0]);
        plain_weight_ = plain_description(weight, groups_);
        input_ = choose(plain_input_);
        output_ = choose(plain_output_);
        weight_ = any_layout(plain_weight_);
        bias_ = memory::desc({shape_.out_channels}, memory::data_type::f32, memory::format_tag::x);
    }

    void add_weight_gradient() {
        const dnnl::convolution_backward_weights::primitive_desc description(
            {dnnl::algorithm::convolution_direct, input_, weight_, bias_, output_, geometry_.strides,
             geometry_.dilations, geometry_.padding_begin, geometry_.padding_end},
            runnable_.engine(), forward());
        const dnnl::convolution_backward_weights primitive(description);
        for (std::size_t set = 0; set < sets_.size(); ++set) {
            const Problem<float>& p = sets_[set];
            runnable_.add(
                set, primitive,
                {{DNNL_ARG_SRC, runnable_.input(plain_input_, p.input.data(), description.src_desc())},
                 {DNNL_ARG_DIFF_DST,
                  runnable_.input(plain_output_, grad_outputs_[set]->data(), description.diff_dst_desc())},
                 {DNNL_ARG_DIFF_WEIGHTS,
                  runnable_.output(set, plain_weight_, p.grad_weight.data(), description.diff_weights_desc())},
                 {DNNL_ARG_DIFF_BIAS, runnable_.output(set, bias_, p.grad_bias.data(), description.diff_bias_desc())}});
        }
    }

    void add_input_gradient() {
        const dnnl::convolution_backward_data::primitive_desc description(
            {dnnl::algorithm::convolution_direct, input_, weight_, output_, geometry_.strides, geometry_.dilations,
             geometry_.padding_begin, geometry_.padding_end},
            runnable_.engine(), forward());
        const dnnl::convolution_backward_data primitive(description);
        for (std::size_t set = 0; set < sets_.size(); ++set) {
            const Problem<float>& p = sets_[set];
            runnable_.add(
                set, primitive,
                {{DNNL_ARG_WEIGHTS, runnable_.input(plain_weight_, p.weight.data(), description.weights_desc())},
                 {DNNL_ARG_DIFF_DST,
                  runnable_.input(plain_output_, grad_outputs_[set]->data(), description.diff_dst_desc())},
                 {DNNL_ARG_DIFF_SRC,
                  runnable_.output(set, plain_input_, p.grad_input.data(), description.diff_src_desc())}});
        }
    }

private:
    /// oneDNN derives the backward passes from a forward description.
    dnnl::convolution_forward::primitive_desc forward() const {
        return {{dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct, input_, weight_, bias_,
                 output_, geometry_.strides, geometry_.dilations, geometry_.padding_begin, geometry_.padding_end},
                runnable_.engine()};
    }

    Conv2dShape shape_;
    Geometry geometry_;
    std::int64_t groups_;
    Problems sets_;
    const std::vector<const Tensor<float>*>& grad_outputs_;
    OnednnRunnable& runnable_;
    memory::desc plain_input_, plain_output_, plain_weight_, input_, output_, weight_, bias_;
};

}  // namespace

void add_onednn_conv2d(OnednnRunnable& runnable, const Cell& cell, Problems sets,
                       const std::vector<const Tensor<float>*>& grad_outputs, PeerLayout layout) {
    Conv2dBuilder builder(runnable, cell, sets, grad_outputs, layout);
    if (cell.operation != Operation::conv2d_backward_input) builder.add_weight_gradient();
    if (cell.operation != Operation::conv2d_backward_weight) builder.add_input_gradient();
}

std::unique_ptr<Runnable> prepare_onednn_conv2d(const Cell& cell, Problems sets, PeerLayout layout) {
    auto runnable = std::make_unique<OnednnRunnable>(sets.size());
    std::vector<const Tensor<float>*> grad_outputs;
    for (const Problem<float>& problem : sets) grad_outputs.push_back(&problem.grad_output);
    add_onednn_conv2d(*runnable, cell, sets, grad_outputs, layout);
    return runnable;
}

}  // namespace backgrad::bench
