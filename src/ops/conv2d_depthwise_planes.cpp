#include "ops/conv2d_depthwise_planes.hpp"

#include <algorithm>
#include <cmath>

namespace backgrad::ops {

namespace {

static_assert(sizeof(kernels::DepthwisePlaneBlock) <= plan::plane_block_bytes);

using kernels::DepthwisePlaneBlock;
using kernels::DepthwisePlaneKernels;
using plan::PixelBox;
using plan::Range;

/// The sums of a segment, channel by channel.
template <class T>
struct SegmentSums {
    const PlaneSums<T>& all;
    const PixelBox& box;
    kernels::DepthwisePlanes<T> planes;  ///< of channel 0, from image 0 on
    std::int64_t together;               ///< images that share the lanes
    std::int64_t spare;                  ///< planes that must follow one whose rows are read beyond their ends

    SegmentSums(const PlaneSums<T>& sums, const PixelBox& segment)
        : all(sums), box(segment), together(sums.plan.planes.paired ? 2 : 1) {
        const plan::Conv2dProblem& p = all.context.problem;
        const plan::DepthwisePlanesPlan& lanes = all.plan.planes;
        const TensorView<const T> grad_output = all.context.grad_output(0), input = all.context.input(0);
        const std::int64_t half = lanes.lanes / 2, row = box.row_begin * p.stride_height;
        planes = {grad_output.at(0, 0, box.row_begin, 0),
                  all.plan.gradients.weight ? input.at(0, 0, row, 0) : nullptr,
                  grad_output.row,
                  input.row,
                  lanes.paired ? grad_output.image : half,
                  lanes.paired ? input.image : half * p.stride_width,
                  together * grad_output.image,
                  together * input.image,
                  0,
                  box.rows(),
                  row,
                  p.in_height,
                  all.blocks,
                  static_cast<std::int64_t>(lanes.blocks.size()),
                  ~0U,
                  grad_output.channel,
                  input.channel};
        spare = plan::ceil_div(lanes.lanes * p.stride_width, p.pixels_out());
    }

    void add(std::int64_t channel, T* state) const {
        const std::int64_t safe = std::clamp(safe_images(channel), box.image_begin, box.image_end);
        // Where images are paired, a pair is as safe as its second image.
        const std::int64_t middle = box.image_begin + whole(safe - box.image_begin);
        const std::int64_t end = middle + whole(box.image_end - middle);
        if (middle > box.image_begin) run(channel, box.image_begin, middle, false, state);
        if (end > middle) run(channel, middle, end, true, state);
        if (end < box.image_end) run_single(channel, end >= safe, state);
    }

    /// Only the terms that exist, one by one.
    void add_exactly(std::int64_t channel, T* state) const {
        const plan::Conv2dProblem& p = all.context.problem;
        const std::int64_t chains = all.plan.planes.lanes;
        std::fill_n(state, p.taps() * chains, T(0));
        for (const plan::DepthwisePlaneColumns& block : all.plan.planes.blocks)
            for (std::int64_t n = box.image_begin; n < box.image_end; ++n)
                for (std::int64_t y = box.row_begin; y < box.row_end; ++y)
                    for (std::int64_t tap = 0; tap < p.taps(); ++tap)
                        add_row_exactly(block, n, channel, y, tap, state + tap * chains);
    }

private:
    std::int64_t whole(std::int64_t images) const { return together == 2 ? images & ~std::int64_t{1} : images; }

    /// The images from 0 on for which enough planes follow in the tensor.
    std::int64_t safe_images(std::int64_t channel) const {
        const plan::Conv2dProblem& p = all.context.problem;
        if (channel + spare < p.groups) return p.batch;
        return p.batch - (channel + spare) / p.groups;
    }

    void run(std::int64_t channel, std::int64_t begin, std::int64_t end, bool guarded, T* state) const {
        kernels::DepthwisePlanes<T> work = planes;
        work.images = together == 2 ? (end - begin) / 2 : end - begin;
        run(work, channel, begin, guarded, state);
    }

    /// The last image where it lacks another, with nothing in the upper half of the lanes.
    void run_single(std::int64_t channel, bool guarded, T* state) const {
        kernels::DepthwisePlanes<T> work = planes;
        work.grad_output_half = work.input_half = 0;
        work.lanes = (1U << all.plan.planes.lanes / 2) - 1U;
        work.images = 1;
        run(work, channel, box.image_end - 1, guarded, state);
    }

    void run(kernels::DepthwisePlanes<T>& work, std::int64_t channel, std::int64_t image, bool guarded,
             T* state) const {
        const plan::Conv2dProblem& p = all.context.problem;
        const auto& table = *all.context.kernels.depthwise->plane;
        work.grad_output += (image * p.groups + channel) * work.grad_output_ahead;
        if (!all.plan.gradients.weight) return table.bias[guarded](work, state + p.taps() * all.plan.planes.lanes);
        work.input += (image * p.groups + channel) * work.input_ahead;
        table.function[p.stride_width - 1][p.kernel_height / 2][p.kernel_width / 2][guarded](work, state);
    }

    void add_row_exactly(const plan::DepthwisePlaneColumns& block, std::int64_t image, std::int64_t channel,
                         std::int64_t y, std::int64_t tap, T* chain) const {
        const plan::Conv2dProblem& p = all.context.problem;
        const std::int64_t row = p.input_row(y, tap / p.kernel_width), c = tap % p.kernel_width;
        if (row < 0 || row >= p.in_height) return;
        const std::int64_t lanes = all.plan.planes.paired ? all.plan.planes.lanes / 2 : all.plan.planes.lanes;
        const std::int64_t shift = plan::tap_column(p, c).shift;
        if (all.plan.planes.paired) chain += (image - box.image_begin) % 2 * lanes;
        const T* g = all.context.grad_output(0).at(image, channel, y, 0);
        const T* from = all.context.input(0).at(image, channel, row, 0);
        for (std::int64_t l = 0; l < lanes; ++l) {
            if ((block.taps[static_cast<std::size_t>(c)] >> l & 1U) == 0) continue;
            const std::int64_t x = block.origin + l - shift;
            chain[l] = std::fma(g[x], from[p.input_column(x, c)], chain[l]);
        }
    }
};

}  // namespace

template <class T>
const DepthwisePlaneBlock* fill_plane_blocks(const plan::DepthwisePlanesPlan& plan, T* memory) noexcept {
    auto* blocks = reinterpret_cast<DepthwisePlaneBlock*>(memory);
    DepthwisePlaneBlock* next = blocks;
    for (const plan::DepthwisePlaneColumns& from : plan.blocks) {
        DepthwisePlaneBlock& to = *next++;
        to.origin = from.origin;
        to.own = from.own;
        std::copy(from.taps.begin(), from.taps.end(), to.taps);
        for (int i = 0; i < 2; ++i) {
            to.grad_output_elements[i] = static_cast<std::int32_t>(from.grad_output_elements[i]);
            to.input_elements[i] = static_cast<std::int32_t>(from.input_elements[i]);
        }
    }
    return blocks;
}

template <class T>
void PlaneSums<T>::compute(const PixelBox& box, const Range& channels, T* sums) const noexcept {
    const std::int64_t taps = context.problem.taps(), channel_state = (taps + 1) * plan.planes.lanes;
    const auto& table = *context.kernels.depthwise;
    const SegmentSums<T> segment(*this, box);
    context.kernels.pack->clear(state, plan.unit_channels * channel_state);
    for (std::int64_t c = channels.begin; c < channels.end; ++c)
        segment.add(c, state + (c - channels.begin) * channel_state);
    table.plane->join(state, taps + 1, sums);
    // Zeros of lanes without a term meet values that are not finite: such sums are NaN.
    if (!plan.gradients.weight || table.panel->all_finite(sums, taps * plan.unit_channels)) return;
    for (std::int64_t c = channels.begin; c < channels.end; ++c)
        segment.add_exactly(c, state + (c - channels.begin) * channel_state);
    table.plane->join(state, taps + 1, sums);
}

template const DepthwisePlaneBlock* fill_plane_blocks<float>(const plan::DepthwisePlanesPlan&, float*) noexcept;
template const DepthwisePlaneBlock* fill_plane_blocks<double>(const plan::DepthwisePlanesPlan&, double*) noexcept;
template struct PlaneSums<float>;
template struct PlaneSums<double>;

}  // namespace backgrad::ops
