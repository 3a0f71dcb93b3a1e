#pragma once

#include <backgrad/export.h>
#include <backgrad/error.hpp>
#include <backgrad/strategy.hpp>
#include <backgrad/types.hpp>
#include <backgrad/workspace.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace backgrad {

/// The problem of a 2-D convolution, all sizes in elements. The forward pass it belongs to is the cross-correlation
///
///     output[n, o, y, x] = bias[o] + sum over i, r, c of
///         input[n, i, y * stride_height - padding_top + r * dilation_height,
///                     x * stride_width - padding_left + c * dilation_width] * weight[o, i, r, c]
///
/// where i runs over the in_channels / groups channels of o's group, r and c over the kernel, and padding adds no
/// term. Zero sizes are legal for every dimension but kernel, stride, dilation and groups.
struct BACKGRAD_EXPORT Conv2dShape {
    std::int64_t batch = 1;
    std::int64_t in_channels = 1;  ///< over all groups
    std::int64_t in_height = 1;
    std::int64_t in_width = 1;
    std::int64_t out_channels = 1;  ///< over all groups
    std::int64_t kernel_height = 1;
    std::int64_t kernel_width = 1;
    std::int64_t stride_height = 1;
    std::int64_t stride_width = 1;
    std::int64_t padding_top = 0;
    std::int64_t padding_bottom = 0;
    std::int64_t padding_left = 0;
    std::int64_t padding_right = 0;
    std::int64_t dilation_height = 1;  ///< 1 = dense
    std::int64_t dilation_width = 1;
    std::int64_t groups = 1;
    /// Height and width of grad_output; -1 takes them from the formula below. Only InputGradient::rotated_kernel
    /// accepts values that are larger than the formula's.
    std::int64_t out_height = -1;
    std::int64_t out_width = -1;

    /// floor((in_height + padding_top + padding_bottom - dilation_height * (kernel_height - 1) - 1)
    ///       / stride_height) + 1, and 0 where the kernel does not fit.
    std::int64_t formula_out_height() const noexcept;
    /// As formula_out_height, along the width.
    std::int64_t formula_out_width() const noexcept;
};

/// Which gradient of the input a plan computes.
enum class InputGradient {
    /// The true gradient, the adjoint of the cross-correlation above.
    adjoint,
    /// The convention of QuackNet's CNNbackpropagation: the kernel is rotated by 180 degrees before it is scattered,
    /// grad_input[n, i, y * s + r, x * s + c] += grad_output[n, o, y, x] * weight[o, i, kh - 1 - r, kw - 1 - c].
    /// It is not the gradient of the forward pass above. grad_output may be larger than the formula gives: windows
    /// that run past the input add nothing to grad_weight and grad_input, but count in grad_bias.
    rotated_kernel,
};

/// How a convolution is computed. Each algorithm has its own arithmetic, so it is asked for by name.
enum class Conv2dAlgorithm {
    direct,  ///< sums of products in the order of DESIGN "Same bits everywhere"
};

/// When the gradients of one call are computed. The bits are the same.
enum class Conv2dOrder {
    together,  ///< side by side, so that they share what they read
    /// grad_weight and grad_bias are final before grad_input begins; grad_output is read once more. A depthwise
    /// convolution still computes all three in one pass.
    weights_first,
};

/// A function that is called when something is done.
struct Notification {
    void (*function)(void* context) = nullptr;  ///< null: nobody is told; an exception that leaves it terminates
    void* context = nullptr;                    ///< handed to the function as it is

    void operator()() const noexcept {
        if (function != nullptr) function(context);
    }
};

/// A set of the gradients of a convolution.
struct Conv2dGradients {
    bool input = true;
    bool weight = true;
    bool bias = true;
};

/// Everything about a plan but its shape.
struct Conv2dBackwardOptions {
    Layout layout = Layout::nchw;                          ///< of input, grad_input and grad_output
    WeightLayout weight_layout = WeightLayout::automatic;  ///< of weight and grad_weight
    Conv2dGradients gradients{};
    WriteMode grad_input_mode = WriteMode::overwrite;
    WriteMode grad_weight_mode = WriteMode::overwrite;
    WriteMode grad_bias_mode = WriteMode::overwrite;
    InputGradient input_gradient = InputGradient::adjoint;
    Conv2dAlgorithm algorithm = Conv2dAlgorithm::direct;
    Conv2dOrder order = Conv2dOrder::together;
    Strategy strategy{};
};

/// The tensors of one execution. Dense, in the plan's layouts, aligned to their element only. Inputs may alias each
/// other; a gradient may alias nothing.
template <class T>
struct Conv2dBackwardArguments {
    const T* grad_output = nullptr;  ///< (batch, out_channels, out_height, out_width); always read
    const T* input = nullptr;        ///< (batch, in_channels, in_height, in_width); read for grad_weight
    const T* weight = nullptr;       ///< (out_channels, in_channels / groups, kernel); read for grad_input
    T* grad_input = nullptr;         ///< shape of input
    T* grad_weight = nullptr;        ///< shape of weight
    T* grad_bias = nullptr;          ///< (out_channels)
    /// Called once per execution, on the thread that executes, as soon as grad_weight and grad_bias are final. With
    /// Conv2dOrder::weights_first their exchange with other machines can start while grad_input is computed; weight is
    /// still read then.
    Notification weights_ready{};
};

/// Plan of a convolution's backward pass for T = float or double. With the forward pass of Conv2dShape:
///
///     grad_weight[o, i, r, c] = sum over n, y, x of grad_output[n, o, y, x] * input[n, i, Y, X]
///     grad_bias[o]            = sum over n, y, x of grad_output[n, o, y, x]
///     grad_input[n, i, Y, X]  = sum over o, r, c of grad_output[n, o, y, x] * weight[o, i, r, c]
///
/// with Y = y * stride_height - padding_top + r * dilation_height and X likewise; terms with (Y, X) outside the input
/// do not exist, so padding never meets a NaN or an infinity. Numerical bound, per element: |error| <=
/// (chain + joins + 2) * u * sum |a * b|, u = 2^-24 (float) or 2^-53 (double), where chain is at most the number of
/// terms and at most 1,024 per segment plus the number of segments for grad_weight and grad_bias.
/// Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016; Higham, "Accuracy and
/// Stability of Numerical Algorithms", chapter 4.
template <class T>
class BACKGRAD_EXPORT Conv2dBackward {
public:
    /// Validates everything and chooses partition, tiles and kernels. Throws Error.
    explicit Conv2dBackward(const Conv2dShape& shape, const Conv2dBackwardOptions& options = {});
    ~Conv2dBackward();
    Conv2dBackward(Conv2dBackward&&) noexcept;
    Conv2dBackward& operator=(Conv2dBackward&&) noexcept;

    /// Bytes of scratch memory that execute needs.
    std::size_t workspace_bytes() const noexcept;

    /// Computes the plan's gradients. `workspace` holds workspace_bytes() bytes, aligned to Workspace::alignment; its
    /// content is free before and after. Throws Error for a null or misaligned pointer before anything is written;
    /// allocates nothing. One plan may be executed by several threads at once, each with its own workspace.
    void execute(const Conv2dBackwardArguments<T>& arguments, void* workspace) const;

    /// The strategy as resolved; partition and reduction stay automatic where the shape decides.
    const Strategy& strategy() const noexcept;

private:
    struct BACKGRAD_HIDDEN Implementation;
    std::unique_ptr<Implementation> implementation_;
};

/// One-off call: makes a plan, allocates its workspace, executes. Throws Error or std::bad_alloc.
template <class T>
BACKGRAD_EXPORT void conv2d_backward(const Conv2dShape& shape, const Conv2dBackwardArguments<T>& arguments,
                                     const Conv2dBackwardOptions& options = {});

extern template class Conv2dBackward<float>;
extern template class Conv2dBackward<double>;
extern template void conv2d_backward<float>(const Conv2dShape&, const Conv2dBackwardArguments<float>&,
                                            const Conv2dBackwardOptions&);
extern template void conv2d_backward<double>(const Conv2dShape&, const Conv2dBackwardArguments<double>&,
                                             const Conv2dBackwardOptions&);

}  // namespace backgrad
