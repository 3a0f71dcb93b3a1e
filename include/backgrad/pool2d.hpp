#pragma once

#include <backgrad/export.h>
#include <backgrad/error.hpp>
#include <backgrad/strategy.hpp>
#include <backgrad/types.hpp>

#include <cstdint>
#include <memory>

namespace backgrad {

/// The problem of a 2-D pooling, all sizes in elements. Windows start at y * stride_height - padding_top, x *
/// stride_width - padding_left; cells outside the input do not exist (max) or count as told (average).
/// Zero sizes are legal for every dimension but window, stride and dilation.
struct BACKGRAD_EXPORT Pool2dShape {
    std::int64_t batch = 1;
    std::int64_t channels = 1;
    std::int64_t in_height = 1;
    std::int64_t in_width = 1;
    std::int64_t window_height = 1;
    std::int64_t window_width = 1;
    std::int64_t stride_height = 1;
    std::int64_t stride_width = 1;
    std::int64_t padding_top = 0;  ///< each padding is smaller than the window's extent
    std::int64_t padding_bottom = 0;
    std::int64_t padding_left = 0;
    std::int64_t padding_right = 0;
    std::int64_t dilation_height = 1;  ///< 1 = dense
    std::int64_t dilation_width = 1;

    /// floor((in_height + padding_top + padding_bottom - dilation_height * (window_height - 1) - 1)
    ///       / stride_height) + 1, and 0 where the window does not fit.
    std::int64_t out_height() const noexcept;
    /// As out_height, along the width.
    std::int64_t out_width() const noexcept;
};

/// Where max pooling finds its maximum.
enum class MaxPoolSource {
    input,          ///< recomputed from the input: the first maximum in row-major order, a NaN counts as the maximum
    plane_indices,  ///< saved std::int32_t: row * in_width + column in the (batch, channel) plane, as PyTorch's indices
    window_offsets,  ///< saved std::uint8_t: row * window_width + column in the window; windows of at most 256 cells
};

/// Options of max pooling's backward pass.
struct MaxPool2dBackwardOptions {
    Layout layout = Layout::nchw;
    MaxPoolSource source = MaxPoolSource::plane_indices;
    WriteMode grad_input_mode = WriteMode::overwrite;
    Strategy strategy{};
};

/// Tensors of one execution; only the source that the plan names is read. grad_input may alias nothing.
template <class T>
struct MaxPool2dBackwardArguments {
    const T* grad_output = nullptr;                ///< (batch, channels, out_height, out_width)
    const T* input = nullptr;                      ///< (batch, channels, in_height, in_width)
    const std::int32_t* plane_indices = nullptr;   ///< shape and layout of grad_output
    const std::uint8_t* window_offsets = nullptr;  ///< shape and layout of grad_output
    T* grad_input = nullptr;                       ///< shape of input
};

/// Plan of max pooling's backward pass for T = float or double:
///
///     grad_input[n, c, Y, X] = sum of grad_output[n, c, y, x] over the windows (y, x) whose maximum is at (Y, X)
///
/// in ascending order of (y, x). Numerical bound, per element: (windows - 1) * u * sum |grad_output|, u = 2^-24 or
/// 2^-53; exact where windows do not overlap. A saved index outside its window adds nothing.
/// Source: the subgradient of the maximum as in the NumPy reference (first maximum, first NaN).
template <class T>
class BACKGRAD_EXPORT MaxPool2dBackward {
public:
    /// Validates everything. Throws Error.
    explicit MaxPool2dBackward(const Pool2dShape& shape, const MaxPool2dBackwardOptions& options = {});
    ~MaxPool2dBackward();
    MaxPool2dBackward(MaxPool2dBackward&&) noexcept;
    MaxPool2dBackward& operator=(MaxPool2dBackward&&) noexcept;

    /// Computes grad_input. Throws Error for a null pointer before anything is written; allocates nothing.
    void execute(const MaxPool2dBackwardArguments<T>& arguments) const;

    /// The strategy as resolved; partition and reduction stay automatic where the shape decides.
    const Strategy& strategy() const noexcept;

private:
    struct BACKGRAD_HIDDEN Implementation;
    std::unique_ptr<Implementation> implementation_;
};

/// What average pooling divides by.
enum class AveragePadding {
    exclude,  ///< the number of the window's cells inside the input
    include,  ///< window_height * window_width
};

/// Options of average pooling's backward pass.
struct AvgPool2dBackwardOptions {
    Layout layout = Layout::nchw;
    AveragePadding padding = AveragePadding::exclude;
    WriteMode grad_input_mode = WriteMode::overwrite;
    Strategy strategy{};
};

/// Tensors of one execution. grad_input may alias nothing.
template <class T>
struct AvgPool2dBackwardArguments {
    const T* grad_output = nullptr;  ///< (batch, channels, out_height, out_width)
    T* grad_input = nullptr;         ///< (batch, channels, in_height, in_width)
};

/// Plan of average pooling's backward pass for T = float or double:
///
///     grad_input[n, c, Y, X] = sum of grad_output[n, c, y, x] * (1 / area(y, x)) over the windows that cover (Y, X)
///
/// in ascending order of (y, x); cells that no window covers get zero. Numerical bound, per element:
/// (windows + 1) * u * sum |grad_output| / area, u = 2^-24 or 2^-53. Source: derivative of the mean.
template <class T>
class BACKGRAD_EXPORT AvgPool2dBackward {
public:
    /// Validates everything. Throws Error.
    explicit AvgPool2dBackward(const Pool2dShape& shape, const AvgPool2dBackwardOptions& options = {});
    ~AvgPool2dBackward();
    AvgPool2dBackward(AvgPool2dBackward&&) noexcept;
    AvgPool2dBackward& operator=(AvgPool2dBackward&&) noexcept;

    /// Computes grad_input. Throws Error for a null pointer before anything is written; allocates nothing.
    void execute(const AvgPool2dBackwardArguments<T>& arguments) const;

    /// The strategy as resolved; partition and reduction stay automatic where the shape decides.
    const Strategy& strategy() const noexcept;

private:
    struct BACKGRAD_HIDDEN Implementation;
    std::unique_ptr<Implementation> implementation_;
};

/// The problem of a global average pooling, all sizes in elements; zero sizes are legal.
struct GlobalAvgPool2dShape {
    std::int64_t batch = 1;
    std::int64_t channels = 1;
    std::int64_t in_height = 1;
    std::int64_t in_width = 1;
};

/// What a global average pooling's plan computes.
enum class GlobalAverageGradient {
    full,              ///< with the incoming gradient
    local_derivative,  ///< 1 / (in_height * in_width) everywhere, as the NumPy reference; grad_output is not read
};

/// Options of global average pooling's backward pass.
struct GlobalAvgPool2dBackwardOptions {
    Layout layout = Layout::nchw;
    GlobalAverageGradient gradient = GlobalAverageGradient::full;
    WriteMode grad_input_mode = WriteMode::overwrite;
    Strategy strategy{};
};

/// Tensors of one execution. grad_input may alias nothing.
template <class T>
struct GlobalAvgPool2dBackwardArguments {
    const T* grad_output = nullptr;  ///< (batch, channels)
    T* grad_input = nullptr;         ///< (batch, channels, in_height, in_width)
};

/// Plan of global average pooling's backward pass for T = float or double:
///
///     grad_input[n, c, Y, X] = grad_output[n, c] * (1 / (in_height * in_width))
///
/// Numerical bound, per element: 1.5 * 2u * |result|, u = 2^-24 or 2^-53. Source: derivative of the mean.
template <class T>
class BACKGRAD_EXPORT GlobalAvgPool2dBackward {
public:
    /// Validates everything. Throws Error.
    explicit GlobalAvgPool2dBackward(const GlobalAvgPool2dShape& shape,
                                     const GlobalAvgPool2dBackwardOptions& options = {});
    ~GlobalAvgPool2dBackward();
    GlobalAvgPool2dBackward(GlobalAvgPool2dBackward&&) noexcept;
    GlobalAvgPool2dBackward& operator=(GlobalAvgPool2dBackward&&) noexcept;

    /// Computes grad_input. Throws Error for a null pointer before anything is written; allocates nothing.
    void execute(const GlobalAvgPool2dBackwardArguments<T>& arguments) const;

    /// The strategy as resolved; partition and reduction stay automatic where the shape decides.
    const Strategy& strategy() const noexcept;

private:
    struct BACKGRAD_HIDDEN Implementation;
    std::unique_ptr<Implementation> implementation_;
};

extern template class MaxPool2dBackward<float>;
extern template class MaxPool2dBackward<double>;
extern template class AvgPool2dBackward<float>;
extern template class AvgPool2dBackward<double>;
extern template class GlobalAvgPool2dBackward<float>;
extern template class GlobalAvgPool2dBackward<double>;

}  // namespace backgrad
