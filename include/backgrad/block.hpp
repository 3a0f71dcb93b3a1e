#pragma once

#include <backgrad/export.h>
#include <backgrad/activation.hpp>
#include <backgrad/conv2d.hpp>
#include <backgrad/error.hpp>
#include <backgrad/pool2d.hpp>
#include <backgrad/strategy.hpp>
#include <backgrad/types.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace backgrad {

/// The pooling at the end of a block.
enum class BlockPool { none, max, average };

/// The problem of a block, output = pool(activation(convolution(input))). The activation is part of the options, and
/// linear where there is none.
struct BACKGRAD_EXPORT BlockShape {
    Conv2dShape convolution;
    BlockPool pool = BlockPool::none;
    // The pooling's windows as in Pool2dShape, whose other sizes are those of the convolution's output.
    std::int64_t pool_window_height = 1;
    std::int64_t pool_window_width = 1;
    std::int64_t pool_stride_height = 1;
    std::int64_t pool_stride_width = 1;
    std::int64_t pool_padding_top = 0;
    std::int64_t pool_padding_bottom = 0;
    std::int64_t pool_padding_left = 0;
    std::int64_t pool_padding_right = 0;
    std::int64_t pool_dilation_height = 1;
    std::int64_t pool_dilation_width = 1;

    /// The problem of the pooling alone; without a pooling, that of windows of one element.
    Pool2dShape pooling() const noexcept;
};

/// Everything about a plan but its shape.
struct BlockBackwardOptions {
    /// Its layout and strategy are those of the block. Its order is Conv2dOrder::together: each chunk of the gradient
    /// in between serves all gradients while it exists.
    Conv2dBackwardOptions convolution{};
    Activation activation = Activation::relu;
    ActivationSource activation_source = ActivationSource::input;
    double alpha = -1;  ///< as ActivationBackwardOptions::alpha
    MaxPoolSource max_pool_source = MaxPoolSource::plane_indices;
    AveragePadding average_padding = AveragePadding::exclude;
    /// Bytes of the gradient between activation and convolution that exist at a time, a bound that is exceeded where
    /// one image, or the few small images of one segment of grad_weight per thread, need more; 0: as the caches
    /// suggest. Changes no bit of the result.
    std::int64_t chunk_bytes = 0;
};

/// The tensors of one execution. Dense, in the plan's layouts, aligned to their element only; those that the plan does
/// not name may be null. Inputs may alias each other; a gradient may alias nothing.
template <class T>
struct BlockBackwardArguments {
    const T* grad_output = nullptr;                ///< of the pooling, or without one of the activation
    const std::int32_t* plane_indices = nullptr;   ///< MaxPoolSource::plane_indices: shape and layout of grad_output
    const std::uint8_t* window_offsets = nullptr;  ///< MaxPoolSource::window_offsets: shape and layout of grad_output
    const T* pool_input = nullptr;  ///< MaxPoolSource::input: the activation's output, shape of the convolution's
    const T* activation_source = nullptr;  ///< the activation's input or output, as the plan says; not for linear
    const T* input = nullptr;              ///< of the convolution; read for grad_weight
    const T* weight = nullptr;             ///< read for grad_input
    T* grad_input = nullptr;               ///< shape of input
    T* grad_weight = nullptr;              ///< shape of weight
    T* grad_bias = nullptr;                ///< (out_channels)
};

/// Plan of a block's backward pass for T = float or double. The gradients are those of the three separate operations,
///
///     max_pool2d_backward or avg_pool2d_backward, then activation_backward, then conv2d_backward,
///
/// bit for bit and with their numerical bounds. The two gradients in between never exist in full: for one chunk of
/// images after the other, pooling and activation write into a buffer of the workspace that stays in the cache, and
/// the convolution reads it from there. Depthwise convolutions, and unpadded 1x1 convolutions of stride 1 in NHWC, take
/// the batch as one chunk.
template <class T>
class BACKGRAD_EXPORT BlockBackward {
public:
    /// Validates everything and chooses chunks, partition, tiles and kernels. Throws Error.
    explicit BlockBackward(const BlockShape& shape, const BlockBackwardOptions& options = {});
    ~BlockBackward();
    BlockBackward(BlockBackward&&) noexcept;
    BlockBackward& operator=(BlockBackward&&) noexcept;

    /// Bytes of scratch memory that execute needs.
    std::size_t workspace_bytes() const noexcept;

    /// Images that are worked on at a time.
    std::int64_t chunk_images() const noexcept;

    /// Computes the plan's gradients. `workspace` holds workspace_bytes() bytes, aligned to Workspace::alignment; its
    /// content is free before and after. Throws Error for a null or misaligned pointer before anything is written;
    /// allocates nothing. One plan may be executed by several threads at once, each with its own workspace.
    void execute(const BlockBackwardArguments<T>& arguments, void* workspace) const;

    /// The strategy as resolved; partition and reduction stay automatic where the shape decides.
    const Strategy& strategy() const noexcept;

private:
    struct BACKGRAD_HIDDEN Implementation;
    std::unique_ptr<Implementation> implementation_;
};

/// One-off call: makes a plan, allocates its workspace, executes. Throws Error or std::bad_alloc.
template <class T>
BACKGRAD_EXPORT void block_backward(const BlockShape& shape, const BlockBackwardArguments<T>& arguments,
                                    const BlockBackwardOptions& options = {});

extern template class BlockBackward<float>;
extern template class BlockBackward<double>;
extern template void block_backward<float>(const BlockShape&, const BlockBackwardArguments<float>&,
                                           const BlockBackwardOptions&);
extern template void block_backward<double>(const BlockShape&, const BlockBackwardArguments<double>&,
                                            const BlockBackwardOptions&);

}  // namespace backgrad
