#include "oracle/conv2d.hpp"

namespace backgrad::oracle {
namespace {

/// One axis of a convolution: which input position a kernel tap of a window meets.
struct Axis {
    std::int64_t in;
    std::int64_t kernel;
    std::int64_t stride;
    std::int64_t padding_begin;
    std::int64_t padding_end;
    std::int64_t dilation;

    /// Windows that the padded input holds.
    std::int64_t windows() const {
        const std::int64_t slack = in + padding_begin + padding_end - (dilation * (kernel - 1) + 1);
        return slack < 0 ? 0 : slack / stride + 1;
    }
    std::int64_t position(std::int64_t window, std::int64_t tap) const {
        return window * stride - padding_begin + tap * dilation;
    }
    /// The window whose `tap` meets `position`, or -1.
    std::int64_t window(std::int64_t position, std::int64_t tap) const {
        const std::int64_t distance = position + padding_begin - tap * dilation;
        return distance >= 0 && distance % stride == 0 && distance / stride < windows() ? distance / stride : -1;
    }
};

Axis vertical(const Conv2dShape& shape) {
    return {shape.in_height,   shape.kernel_height,  shape.stride_height,
            shape.padding_top, shape.padding_bottom, shape.dilation_height};
}

Axis horizontal(const Conv2dShape& shape) {
    return {shape.in_width,     shape.kernel_width,  shape.stride_width,
            shape.padding_left, shape.padding_right, shape.dilation_width};
}

/// A problem spelled out: tensors, axes and groups.
struct Problem {
    Problem(const Conv2dShape& shape, const Conv2dBackwardOptions& options)
        : input(input_tensor(shape, options.layout)),
          output(output_tensor(shape, options.layout)),
          weight(weight_tensor(shape, options.layout, options.weight_layout)),
          rows(vertical(shape)),
          columns(horizontal(shape)),
          out_channels_per_group(shape.out_channels / shape.groups),
          in_channels_per_group(shape.in_channels / shape.groups),
          rotated(options.input_gradient == InputGradient::rotated_kernel) {}

    /// The first input channel of the group of output channel o.
    std::int64_t first_input(std::int64_t o) const { return o / out_channels_per_group * in_channels_per_group; }

    /// The weight that grad_input multiplies at tap (r, c).
    std::int64_t input_gradient_weight(std::int64_t o, std::int64_t i, std::int64_t r, std::int64_t c) const {
        return rotated ? weight.offset(o, i, rows.kernel - 1 - r, columns.kernel - 1 - c) : weight.offset(o, i, r, c);
    }

    Tensor4d input;
    Tensor4d output;
    WeightTensor weight;
    Axis rows;
    Axis columns;
    std::int64_t out_channels_per_group;
    std::int64_t in_channels_per_group;
    bool rotated;
};

/// One product of the forward pass: output (n, o, y, x) takes input (n, first_input(o) + i, in_y, in_x) * weight
/// (o, i, r, c).
struct Term {
    std::int64_t n, o, y, x, i, r, c, in_y, in_x;
};

/// Calls visit(term) for every product of the forward pass; padding and oversized outputs have none.
template <class Visit>
void for_each_term(const Problem& p, const Visit& visit) {
    for (std::int64_t n = 0; n < p.input.batch; ++n)
        for (std::int64_t o = 0; o < p.output.channels; ++o)
            for (std::int64_t y = 0; y < p.rows.windows(); ++y)
                for (std::int64_t x = 0; x < p.columns.windows(); ++x)
                    for (std::int64_t r = 0; r < p.rows.kernel; ++r)
                        for (std::int64_t c = 0; c < p.columns.kernel; ++c) {
                            const std::int64_t in_y = p.rows.position(y, r);
                            const std::int64_t in_x = p.columns.position(x, c);
                            if (!p.input.contains(in_y, in_x)) continue;
                            for (std::int64_t i = 0; i < p.in_channels_per_group; ++i)
                                visit(Term{n, o, y, x, i, r, c, in_y, in_x});
                        }
}

}  // namespace

Tensor4d input_tensor(const Conv2dShape& shape, Layout layout) {
    return {layout, shape.batch, shape.in_channels, shape.in_height, shape.in_width};
}

Tensor4d output_tensor(const Conv2dShape& shape, Layout layout) {
    return {layout, shape.batch, shape.out_channels,
            shape.out_height < 0 ? vertical(shape).windows() : shape.out_height,
            shape.out_width < 0 ? horizontal(shape).windows() : shape.out_width};
}

WeightTensor weight_tensor(const Conv2dShape& shape, Layout layout, WeightLayout weight_layout) {
    const WeightLayout automatic = layout == Layout::nchw ? WeightLayout::oihw : WeightLayout::ohwi;
    return {weight_layout == WeightLayout::automatic ? automatic : weight_layout, shape.out_channels,
            shape.in_channels / shape.groups, shape.kernel_height, shape.kernel_width};
}

std::vector<double> conv2d_forward(const Conv2dShape& shape, const Conv2dBackwardOptions& options, const double* input,
                                   const double* weight, const double* bias) {
    const Problem p(shape, options);
    std::vector<double> output(static_cast<std::size_t>(p.output.elements()), 0.0);
    for (std::int64_t n = 0; bias && n < p.output.batch; ++n)
        for (std::int64_t o = 0; o < p.output.channels; ++o)
            for (std::int64_t y = 0; y < p.output.height; ++y)
                for (std::int64_t x = 0; x < p.output.width; ++x) output[p.output.offset(n, o, y, x)] = bias[o];
    for_each_term(p, [&](const Term& t) {
        output[p.output.offset(t.n, t.o, t.y, t.x)] +=
            input[p.input.offset(t.n, p.first_input(t.o) + t.i, t.in_y, t.in_x)] *
            weight[p.weight.offset(t.o, t.i, t.r, t.c)];
    });
    return output;
}

template <class T>
Value conv2d_grad_input_at(const Conv2dShape& shape, const Conv2dBackwardOptions& options, const T* grad_output,
                           const T* weight, std::int64_t n, std::int64_t i, std::int64_t y, std::int64_t x) {
    const Problem p(shape, options);
    const std::int64_t group = i / p.in_channels_per_group;
    Value sum;
    for (std::int64_t o = group * p.out_channels_per_group; o < (group + 1) * p.out_channels_per_group; ++o)
        for (std::int64_t r = 0; r < p.rows.kernel; ++r)
            for (std::int64_t c = 0; c < p.columns.kernel; ++c) {
                const std::int64_t out_y = p.rows.window(y, r);
                const std::int64_t out_x = p.columns.window(x, c);
                if (out_y < 0 || out_x < 0) continue;
                sum.add(grad_output[p.output.offset(n, o, out_y, out_x)],
                        weight[p.input_gradient_weight(o, i - p.first_input(o), r, c)]);
            }
    return sum;
}

template <class T>
Value conv2d_grad_weight_at(const Conv2dShape& shape, const Conv2dBackwardOptions& options, const T* grad_output,
                            const T* input, std::int64_t o, std::int64_t i, std::int64_t r, std::int64_t c) {
    const Problem p(shape, options);
    Value sum;
    for (std::int64_t n = 0; n < p.input.batch; ++n)
        for (std::int64_t y = 0; y < p.rows.windows(); ++y)
            for (std::int64_t x = 0; x < p.columns.windows(); ++x) {
                const std::int64_t in_y = p.rows.position(y, r);
                const std::int64_t in_x = p.columns.position(x, c);
                if (!p.input.contains(in_y, in_x)) continue;
                sum.add(grad_output[p.output.offset(n, o, y, x)],
                        input[p.input.offset(n, p.first_input(o) + i, in_y, in_x)]);
            }
    return sum;
}

template <class T>
Value conv2d_grad_bias_at(const Conv2dShape& shape, const Conv2dBackwardOptions& options, const T* grad_output,
                          std::int64_t o) {
    const Tensor4d output = output_tensor(shape, options.layout);
    Value sum;
    for (std::int64_t n = 0; n < output.batch; ++n)
        for (std::int64_t y = 0; y < output.height; ++y)
            for (std::int64_t x = 0; x < output.width; ++x) sum.add(grad_output[output.offset(n, o, y, x)], 1.0);
    return sum;
}

template <class T>
Conv2dResult conv2d_backward(const Conv2dShape& shape, const Conv2dBackwardOptions& options, const T* grad_output,
                             const T* input, const T* weight) {
    const Problem p(shape, options);
    Conv2dResult result{std::vector<double>(static_cast<std::size_t>(p.input.elements()), 0.0),
                        std::vector<double>(static_cast<std::size_t>(p.weight.elements()), 0.0),
                        std::vector<double>(static_cast<std::size_t>(p.output.channels), 0.0)};
    for_each_term(p, [&](const Term& t) {
        const double gradient = grad_output[p.output.offset(t.n, t.o, t.y, t.x)];
        const std::int64_t at = p.input.offset(t.n, p.first_input(t.o) + t.i, t.in_y, t.in_x);
        result.grad_input[at] += gradient * weight[p.input_gradient_weight(t.o, t.i, t.r, t.c)];
        result.grad_weight[p.weight.offset(t.o, t.i, t.r, t.c)] += gradient * input[at];
    });
    for (std::int64_t o = 0; o < p.output.channels; ++o)
        result.grad_bias[o] = conv2d_grad_bias_at(shape, options, grad_output, o).value;
    return result;
}

template Value conv2d_grad_input_at(const Conv2dShape&, const Conv2dBackwardOptions&, const float*, const float*,
                                    std::int64_t, std::int64_t, std::int64_t, std::int64_t);
template Value conv2d_grad_input_at(const Conv2dShape&, const Conv2dBackwardOptions&, const double*, const double*,
                                    std::int64_t, std::int64_t, std::int64_t, std::int64_t);
template Value conv2d_grad_weight_at(const Conv2dShape&, const Conv2dBackwardOptions&, const float*, const float*,
                                     std::int64_t, std::int64_t, std::int64_t, std::int64_t);
template Value conv2d_grad_weight_at(const Conv2dShape&, const Conv2dBackwardOptions&, const double*, const double*,
                                     std::int64_t, std::int64_t, std::int64_t, std::int64_t);
template Value conv2d_grad_bias_at(const Conv2dShape&, const Conv2dBackwardOptions&, const float*, std::int64_t);
template Value conv2d_grad_bias_at(const Conv2dShape&, const Conv2dBackwardOptions&, const double*, std::int64_t);
template Conv2dResult conv2d_backward(const Conv2dShape&, const Conv2dBackwardOptions&, const float*, const float*,
                                      const float*);
template Conv2dResult conv2d_backward(const Conv2dShape&, const Conv2dBackwardOptions&, const double*, const double*,
                                      const double*);

}  // namespace backgrad::oracle
