#include "variants/block.hpp"
#include "variants/onednn_operations.hpp"

#include <vector>

namespace backgrad::bench {
namespace {

/// The primitives of a block, and the gradients that each hands to the next. All data sets share those: they are the
/// scratch memory of one run.
class BlockRunnable : public OnednnRunnable {
public:
    BlockRunnable(const Cell& cell, std::size_t sets)
        : OnednnRunnable(sets), pooled(block_gradient<float>(cell)), activated(block_gradient<float>(cell)) {}

    Tensor<float> pooled, activated;
};

}  // namespace

std::unique_ptr<Runnable> prepare_onednn_block(const Cell& cell, Problems sets, PeerLayout layout) {
    // Between blocked tensors the primitives would want reorders, which the other operations leave untimed.
    if (layout == PeerLayout::blocked) throw Unsupported("a block's primitives are measured on plain tensors");
    auto runnable = std::make_unique<BlockRunnable>(cell, sets.size());
    const BlockShape block = block_shape(cell.shape);
    const Activation activation = block_activation(cell.shape);
    std::vector<const Tensor<float>*> gradients;
    for (std::size_t set = 0; set < sets.size(); ++set) {
        const Problem<float>& p = sets[set];
        const Tensor<float>* gradient = &p.grad_output;
        if (block.pool != BlockPool::none) {
            const auto algorithm = block.pool == BlockPool::max ? dnnl::algorithm::pooling_max
                                                                : dnnl::algorithm::pooling_avg_exclude_padding;
            add_onednn_pool2d(*runnable, set, {block.pooling(), algorithm, cell, layout},
                              {*gradient, p.output, runnable->pooled});
            gradient = &runnable->pooled;
        }
        if (activation != Activation::linear) {
            add_onednn_activation(*runnable, set, {activation, cell, layout},
                                  {*gradient, p.output, runnable->activated});
            gradient = &runnable->activated;
        }
        gradients.push_back(gradient);
    }
    add_onednn_conv2d(*runnable, cell, sets, gradients, layout);
    return runnable;
}

}  // namespace backgrad::bench
