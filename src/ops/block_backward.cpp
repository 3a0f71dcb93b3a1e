#include "ops/block_producer.hpp"
#include "ops/conv2d_run.hpp"
#include "ops/conv2d_setup.hpp"
#include "ops/conv2d_tiles.hpp"
#include "ops/validate.hpp"
#include "plan/conv2d_chunks.hpp"
#include "threads/cache.hpp"
#include "threads/make_executor.hpp"

#include <backgrad/block.hpp>
#include <backgrad/names.hpp>
#include <backgrad/workspace.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace backgrad {

Pool2dShape BlockShape::pooling() const noexcept {
    const Conv2dShape& c = convolution;
    Pool2dShape shape{.batch = c.batch,
                      .channels = c.out_channels,
                      .in_height = c.out_height >= 0 ? c.out_height : c.formula_out_height(),
                      .in_width = c.out_width >= 0 ? c.out_width : c.formula_out_width()};
    if (pool == BlockPool::none) return shape;
    shape.window_height = pool_window_height;
    shape.window_width = pool_window_width;
    shape.stride_height = pool_stride_height;
    shape.stride_width = pool_stride_width;
    shape.padding_top = pool_padding_top;
    shape.padding_bottom = pool_padding_bottom;
    shape.padding_left = pool_padding_left;
    shape.padding_right = pool_padding_right;
    shape.dilation_height = pool_dilation_height;
    shape.dilation_width = pool_dilation_width;
    return shape;
}

template <class T>
struct BlockBackward<T>::Implementation {
    std::int64_t cache_bytes = threads::last_level_cache_bytes();
    ops::Conv2dSetup<T> setup;
    ops::BlockProducer<T> producer;
    plan::Conv2dChunks chunks;

    Implementation(const BlockShape& shape, const BlockBackwardOptions& options)
        : setup(shape.convolution, checked(options.convolution)),
          producer(shape, options, setup.strategy.isa),
          chunks(plan::plan_conv2d_chunks(setup.problem, setup.options.gradients, ops::conv2d_tiles(*setup.kernels),
                                          sizeof(T), setup.strategy, chunk_bytes(options))) {
        chunks.plan.set_streaming(setup.exceeds_cache());
        threads::report_plan("block_backward", setup.strategy);
    }

    /// A chunk exists once, so that it cannot serve grad_input after the last of them has served grad_weight.
    static const Conv2dBackwardOptions& checked(const Conv2dBackwardOptions& convolution) {
        if (convolution.order == Conv2dOrder::weights_first)
            throw Error("convolution.order", std::string(name(Conv2dOrder::together)) + " in a block",
                        std::string(name(convolution.order)));
        return convolution;
    }

    /// Without a producer there is nothing to keep in the cache.
    std::int64_t chunk_bytes(const BlockBackwardOptions& options) const {
        validate::require_non_negative("chunk_bytes", options.chunk_bytes);
        if (!producer.exists()) return std::numeric_limits<std::int64_t>::max();
        return options.chunk_bytes > 0 ? options.chunk_bytes : suggested_chunk_bytes();
    }

    /// One worker keeps a chunk and what the next one is made from in its core's own cache. But each chunk moves the
    /// sums of grad_weight once, which must be little beside the chunk itself. Several workers read what others wrote,
    /// so they meet in the shared cache, where larger chunks take fewer phases and coarser blocks.
    std::int64_t suggested_chunk_bytes() const {
        constexpr std::int64_t of_a_core = 128 * 1024;
        const std::int64_t shared = cache_bytes / 4;
        if (setup.executor->workers() > 1) return shared;
        const std::int64_t weights = setup.problem.weight_elements() * static_cast<std::int64_t>(sizeof(T));
        return std::min(std::max(of_a_core, weights), shared);
    }

    std::int64_t buffer_elements() const {
        const std::int64_t batch = setup.problem.batch;
        return producer.exists() && batch > 0 ? setup.problem.output_elements() / batch * chunks.images : 0;
    }
    std::int64_t convolution_elements() const { return ops::Conv2dRun<T>::workspace_elements(setup, chunks.plan); }
    std::size_t workspace_bytes() const {
        return static_cast<std::size_t>(convolution_elements() + buffer_elements()) * sizeof(T);
    }

    void check(const BlockBackwardArguments<T>& arguments, const void* workspace) const {
        producer.check(arguments);
        setup.check(of_convolution(arguments));
        validate::require_workspace(workspace, workspace_bytes());
    }

    static Conv2dBackwardArguments<T> of_convolution(const BlockBackwardArguments<T>& a) {
        return {.grad_output = nullptr,
                .input = a.input,
                .weight = a.weight,
                .grad_input = a.grad_input,
                .grad_weight = a.grad_weight,
                .grad_bias = a.grad_bias};
    }

    void execute(const BlockBackwardArguments<T>& arguments, T* workspace) const noexcept {
        const Conv2dBackwardArguments<T> convolution = of_convolution(arguments);
        T* const buffer = workspace + convolution_elements();
        ops::Conv2dRun<T> run(setup, chunks.plan, convolution, workspace);
        run.pack_weights();
        for (std::size_t k = 0; k < chunks.chunks.size(); ++k) {
            const plan::Conv2dChunk& chunk = chunks.chunks[k];
            if (producer.exists()) produce(arguments, chunk.images, buffer);
            run.sum(chunk.tasks, chunk.images, producer.exists() ? buffer : arguments.grad_output,
                    next_reads(arguments, k + 1));
        }
    }

    /// What chunk k is made from, for the convolution of the chunk before to fetch, if the cache holds all of it.
    ops::FetchAhead next_reads(const BlockBackwardArguments<T>& arguments, std::size_t k) const noexcept {
        if (!producer.exists() || k == chunks.chunks.size()) return {};
        const plan::Range& images = chunks.chunks[k].images;
        const ops::FetchAhead reads = producer.reads(arguments, images.begin, images.size());
        const std::int64_t held = reads.bytes() + buffer_elements() * static_cast<std::int64_t>(sizeof(T));
        return held > cache_bytes / 2 ? ops::FetchAhead{} : reads;
    }

    void produce(const BlockBackwardArguments<T>& arguments, const plan::Range& chunk, T* buffer) const noexcept {
        // A canonical problem may hold all images in one row.
        const bool whole = chunk.size() == setup.problem.batch;
        const std::int64_t images = whole ? setup.problem.images : chunk.size();
        threads::run(*setup.executor, producer.tasks(images), [&](std::int64_t task, int) noexcept {
            producer.produce(arguments, chunk.begin, images, task, buffer);
        });
    }
};

template <class T>
BlockBackward<T>::BlockBackward(const BlockShape& shape, const BlockBackwardOptions& options)
    : implementation_(std::make_unique<Implementation>(shape, options)) {}

template <class T>
BlockBackward<T>::~BlockBackward() = default;

template <class T>
BlockBackward<T>::BlockBackward(BlockBackward&&) noexcept = default;

template <class T>
BlockBackward<T>& BlockBackward<T>::operator=(BlockBackward&&) noexcept = default;

template <class T>
std::size_t BlockBackward<T>::workspace_bytes() const noexcept {
    return implementation_->workspace_bytes();
}

template <class T>
std::int64_t BlockBackward<T>::chunk_images() const noexcept {
    const Implementation& self = *implementation_;
    return self.chunks.chunks.size() == 1 ? self.setup.problem.images : self.chunks.images;
}

template <class T>
const Strategy& BlockBackward<T>::strategy() const noexcept {
    return implementation_->setup.strategy;
}

template <class T>
void BlockBackward<T>::execute(const BlockBackwardArguments<T>& arguments, void* workspace) const {
    implementation_->check(arguments, workspace);
    implementation_->execute(arguments, static_cast<T*>(workspace));
}

template <class T>
void block_backward(const BlockShape& shape, const BlockBackwardArguments<T>& arguments,
                    const BlockBackwardOptions& options) {
    const BlockBackward<T> plan(shape, options);
    const Workspace workspace(plan.workspace_bytes());
    plan.execute(arguments, workspace.data());
}

template class BlockBackward<float>;
template class BlockBackward<double>;
template void block_backward<float>(const BlockShape&, const BlockBackwardArguments<float>&,
                                    const BlockBackwardOptions&);
template void block_backward<double>(const BlockShape&, const BlockBackwardArguments<double>&,
                                     const BlockBackwardOptions&);

}  // namespace backgrad
