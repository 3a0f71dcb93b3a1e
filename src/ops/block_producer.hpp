#pragma once

#include "kernels/activation_kernels.hpp"
#include "ops/fetch_ahead.hpp"
#include "ops/pool2d_gather.hpp"
#include "ops/pool2d_reciprocals.hpp"
#include "plan/block_pieces.hpp"

#include <backgrad/block.hpp>

#include <cstdint>
#include <optional>

namespace backgrad::ops {

/// The backward pass of a block's pooling and activation, a piece at a time: what the convolution takes as its
/// grad_output.
template <class T>
class BlockProducer {
public:
    /// Validates everything. Throws Error.
    BlockProducer(const BlockShape& shape, const BlockBackwardOptions& options, Isa isa);

    /// Whether the block is more than its convolution.
    bool exists() const { return pool_ || activation_; }

    /// Throws Error for a null pointer.
    void check(const BlockBackwardArguments<T>& arguments) const;

    std::int64_t tasks(std::int64_t images) const { return pieces_.count(images); }

    /// Writes one piece of the gradient of the convolution's output for `images` images, the first of which is
    /// `first_image` of the batch and begins at `to`.
    void produce(const BlockBackwardArguments<T>& arguments, std::int64_t first_image, std::int64_t images,
                 std::int64_t task, T* to) const noexcept;

    /// What `produce` reads for some images.
    FetchAhead reads(const BlockBackwardArguments<T>& arguments, std::int64_t first_image,
                     std::int64_t images) const noexcept;

private:
    void gather(const BlockBackwardArguments<T>& arguments, std::int64_t first_image, const plan::BlockPiece& piece,
                T* to) const noexcept;

    Layout layout_;
    MaxPoolSource source_;
    std::int64_t batch_, image_elements_, pooled_image_elements_;
    plan::BlockPieces pieces_;
    std::optional<Pool2dReciprocals<T>> reciprocals_;  ///< average pooling
    std::optional<Pool2dGather<T>> pool_;
    std::optional<kernels::ActivationProblem<T>> activation_;
    const kernels::ActivationKernels<T>* activation_kernels_ = nullptr;
    std::int64_t channels_;
};

extern template class BlockProducer<float>;
extern template class BlockProducer<double>;

}  // namespace backgrad::ops
