#pragma once

#include <backgrad/export.h>
#include <backgrad/activation.hpp>
#include <backgrad/error.hpp>
#include <backgrad/strategy.hpp>
#include <backgrad/types.hpp>

#include <cstdint>
#include <memory>

namespace backgrad {

/// A tensor (outer, length, inner), last index fastest, with the softmax along `length`: one distribution for each
/// (outer, inner). All sizes in elements; zero sizes are legal.
struct SoftmaxShape {
    std::int64_t outer = 1;
    std::int64_t length = 1;
    std::int64_t inner = 1;
};

/// The softmax along the channels of an activation tensor.
inline SoftmaxShape softmax_over_channels(std::int64_t batch, std::int64_t channels, std::int64_t height,
                                          std::int64_t width, Layout layout) {
    if (layout == Layout::nchw) return {batch, channels, height * width};
    return {batch * height * width, channels, 1};
}

/// Options of softmax's backward pass.
struct SoftmaxBackwardOptions {
    ActivationSource source = ActivationSource::output;
    WriteMode grad_input_mode = WriteMode::overwrite;
    Strategy strategy{};
};

/// Tensors of one execution, all of the plan's shape. grad_input may be grad_output or source itself (in place); it
/// may not overlap them otherwise.
template <class T>
struct SoftmaxBackwardArguments {
    const T* grad_output = nullptr;
    const T* source = nullptr;  ///< y = softmax(x), or x itself, as the plan says
    T* grad_input = nullptr;
};

/// Plan of softmax's backward pass for T = float or double:
///
///     grad_input[l] = y[l] * (grad_output[l] - sum over k of grad_output[k] * y[k]),   y = softmax(x)
///
/// for each distribution. From x, y[l] = exp(x[l] - m) / sum of exp(x[k] - m), m the largest x: no overflow for any
/// finite x. Any length: a row is read once more for writing, from the cache as long as it fits one. Numerical bound,
/// per element, from y: (length / chains + 8) * u * y[l] * sum |grad_output * y|, u = 2^-24 or 2^-53, with 16 (float)
/// or 8 (double) chains where inner = 1, else 1; from x additionally 2 * (length / chains + 8 + max |x - m|) * u
/// relative in each y. Source: Bridle 1990; Milakov and Gimelshein 2018 for the sum that rescales as it goes.
template <class T>
class BACKGRAD_EXPORT SoftmaxBackward {
public:
    /// Validates everything. Throws Error.
    explicit SoftmaxBackward(const SoftmaxShape& shape, const SoftmaxBackwardOptions& options = {});
    ~SoftmaxBackward();
    SoftmaxBackward(SoftmaxBackward&&) noexcept;
    SoftmaxBackward& operator=(SoftmaxBackward&&) noexcept;

    /// Computes grad_input. Throws Error for a null pointer before anything is written; allocates nothing.
    void execute(const SoftmaxBackwardArguments<T>& arguments) const;

    /// The strategy as resolved; partition and reduction stay automatic where the shape decides.
    const Strategy& strategy() const noexcept;

private:
    struct BACKGRAD_HIDDEN Implementation;
    std::unique_ptr<Implementation> implementation_;
};

/// Options of the backward pass of softmax joined with cross entropy.
struct SoftmaxCrossEntropyBackwardOptions {
    double scale = 1;  ///< factor of the loss: 1 / rows for the mean
    WriteMode grad_logits_mode = WriteMode::overwrite;
    Strategy strategy{};
};

/// Tensors of one execution. grad_logits may be logits itself; it may not overlap otherwise.
template <class T>
struct SoftmaxCrossEntropyBackwardArguments {
    const T* logits = nullptr;             ///< (outer, length, inner)
    const std::int64_t* labels = nullptr;  ///< (outer, inner), in [0, length); others give the row a gradient of zero
    T* grad_logits = nullptr;              ///< shape of logits
};

/// Plan of the backward pass of scale * sum over rows of -log(softmax(x)[label]) for T = float or double:
///
///     grad_logits[l] = (softmax(x)[l] - (l == label ? 1 : 0)) * scale
///
/// Stable for any finite x and any length, as SoftmaxBackward. Numerical bound, per element: 2 * (length / chains + 8 +
/// max |x - m|) * u * scale, chains as for SoftmaxBackward. Source: derivative of the logarithm of the softmax.
template <class T>
class BACKGRAD_EXPORT SoftmaxCrossEntropyBackward {
public:
    /// Validates everything. Throws Error.
    explicit SoftmaxCrossEntropyBackward(const SoftmaxShape& shape,
                                         const SoftmaxCrossEntropyBackwardOptions& options = {});
    ~SoftmaxCrossEntropyBackward();
    SoftmaxCrossEntropyBackward(SoftmaxCrossEntropyBackward&&) noexcept;
    SoftmaxCrossEntropyBackward& operator=(SoftmaxCrossEntropyBackward&&) noexcept;

    /// Computes grad_logits. Throws Error for a null pointer before anything is written; allocates nothing.
    void execute(const SoftmaxCrossEntropyBackwardArguments<T>& arguments) const;

    /// The strategy as resolved; partition and reduction stay automatic where the shape decides.
    const Strategy& strategy() const noexcept;

private:
    struct BACKGRAD_HIDDEN Implementation;
    std::unique_ptr<Implementation> implementation_;
};

extern template class SoftmaxBackward<float>;
extern template class SoftmaxBackward<double>;
extern template class SoftmaxCrossEntropyBackward<float>;
extern template class SoftmaxCrossEntropyBackward<double>;

}  // namespace backgrad
