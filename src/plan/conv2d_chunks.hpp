#pragma once

#include "plan/conv2d_plan.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace backgrad::plan {

/// Some images of the batch, and the tasks that add them to the gradients.
struct Conv2dChunk {
    Range images;
    std::vector<OrderedTask> tasks;
};

/// A convolution's backward pass over chunks of the batch, one after the other, each with a grad_output that exists
/// for its chunk alone. A chunk is whole segments of the sums over the batch, and its tasks continue the sums where
/// those of the chunk before ended: chunks change no bit.
struct Conv2dChunks {
    std::int64_t images;  ///< of every chunk but the last
    Conv2dPlan plan;
    std::vector<Conv2dChunk> chunks;
};

/// Plans chunks whose grad_output has about `chunk_bytes`, at least the images of one segment, or of one for each
/// thread where segments are several images. The batch is one chunk where the plan knows no images: where it holds the
/// batch in one row of pixels, and for depthwise convolutions.
Conv2dChunks plan_conv2d_chunks(const Conv2dProblem& problem, const Conv2dGradients& gradients,
                                const Conv2dTiles& tiles, std::size_t element_bytes, const Strategy& strategy,
                                std::int64_t chunk_bytes);

}  // namespace backgrad::plan
