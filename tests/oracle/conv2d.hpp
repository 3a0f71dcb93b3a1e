#pragma once

#include "oracle/layout.hpp"

#include <backgrad/conv2d.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

/// The convolution and its gradients as their definitions read, in double, for T = float or double. Nothing here is
/// fast and nothing is shared with the library: it is what the library is compared with, and is itself compared with
/// finite differences of `conv2d_forward`.
namespace backgrad::oracle {

/// A sum of products, and what an error bound of it needs.
struct Value {
    double value = 0;
    double absolute_sum = 0;  ///< sum of |a * b|
    std::int64_t terms = 0;

    void add(double a, double b) {
        value += a * b;
        absolute_sum += std::abs(a * b);
        ++terms;
    }
};

/// Sizes and memory order of a convolution's weights. I = in_channels / groups.
struct WeightTensor {
    WeightLayout layout = WeightLayout::oihw;
    std::int64_t out_channels = 0;
    std::int64_t in_channels = 0;  ///< of one group
    std::int64_t height = 0;
    std::int64_t width = 0;

    std::int64_t elements() const { return out_channels * in_channels * height * width; }

    std::int64_t offset(std::int64_t o, std::int64_t i, std::int64_t r, std::int64_t c) const {
        if (layout == WeightLayout::oihw) return ((o * in_channels + i) * height + r) * width + c;
        return ((o * height + r) * width + c) * in_channels + i;
    }
};

/// The tensors of a convolution, as shape and options say.
Tensor4d input_tensor(const Conv2dShape& shape, Layout layout);
Tensor4d output_tensor(const Conv2dShape& shape, Layout layout);
WeightTensor weight_tensor(const Conv2dShape& shape, Layout layout, WeightLayout weight_layout);

/// output[n, o, y, x] of the forward pass for every element, in the layouts that the options name. `bias` may be null.
std::vector<double> conv2d_forward(const Conv2dShape& shape, const Conv2dBackwardOptions& options, const double* input,
                                   const double* weight, const double* bias);

/// grad_input[n, i, y, x]; i counts over all groups.
template <class T>
Value conv2d_grad_input_at(const Conv2dShape& shape, const Conv2dBackwardOptions& options, const T* grad_output,
                           const T* weight, std::int64_t n, std::int64_t i, std::int64_t y, std::int64_t x);

/// grad_weight[o, i, r, c]; i counts inside the group of o.
template <class T>
Value conv2d_grad_weight_at(const Conv2dShape& shape, const Conv2dBackwardOptions& options, const T* grad_output,
                            const T* input, std::int64_t o, std::int64_t i, std::int64_t r, std::int64_t c);

/// grad_bias[o].
template <class T>
Value conv2d_grad_bias_at(const Conv2dShape& shape, const Conv2dBackwardOptions& options, const T* grad_output,
                          std::int64_t o);

/// Every gradient, in the layouts that the options name.
struct Conv2dResult {
    std::vector<double> grad_input;
    std::vector<double> grad_weight;
    std::vector<double> grad_bias;
};

/// All gradients at once, in one pass over the terms of the forward pass: each term hands its share on. Quicker than
/// element by element, and a second way to write the same sums down.
template <class T>
Conv2dResult conv2d_backward(const Conv2dShape& shape, const Conv2dBackwardOptions& options, const T* grad_output,
                             const T* input, const T* weight);

extern template Value conv2d_grad_input_at(const Conv2dShape&, const Conv2dBackwardOptions&, const float*, const float*,
                                           std::int64_t, std::int64_t, std::int64_t, std::int64_t);
extern template Value conv2d_grad_input_at(const Conv2dShape&, const Conv2dBackwardOptions&, const double*,
                                           const double*, std::int64_t, std::int64_t, std::int64_t, std::int64_t);
extern template Value conv2d_grad_weight_at(const Conv2dShape&, const Conv2dBackwardOptions&, const float*,
                                            const float*, std::int64_t, std::int64_t, std::int64_t, std::int64_t);
extern template Value conv2d_grad_weight_at(const Conv2dShape&, const Conv2dBackwardOptions&, const double*,
                                            const double*, std::int64_t, std::int64_t, std::int64_t, std::int64_t);
extern template Value conv2d_grad_bias_at(const Conv2dShape&, const Conv2dBackwardOptions&, const float*, std::int64_t);
extern template Value conv2d_grad_bias_at(const Conv2dShape&, const Conv2dBackwardOptions&, const double*,
                                          std::int64_t);
extern template Conv2dResult conv2d_backward(const Conv2dShape&, const Conv2dBackwardOptions&, const float*,
                                             const float*, const float*);
extern template Conv2dResult conv2d_backward(const Conv2dShape&, const Conv2dBackwardOptions&, const double*,
                                             const double*, const double*);

}  // namespace backgrad::oracle
