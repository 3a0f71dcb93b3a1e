#include "ops/conv2d_input_pointwise.hpp"

#include "ops/conv2d_prefetch.hpp"

#include <algorithm>

namespace backgrad::ops {

namespace {

using kernels::Finish;
using kernels::Run;
using plan::Conv2dInputPlan;
using plan::PixelStrip;
using plan::Range;

/// The sums of one strip of pixels. Blocks of output channels are packed by the first tile of input channels that
/// reads them, and stay in the L1 cache while the others pass over them.
template <class T>
class StripSums {
public:
    StripSums(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t group, Range tiles,
              const T* weights, Finish finish, Scratch<T> scratch)
        : context_(context),
          plan_(plan),
          tiles_(tiles),
          grad_output_(context.grad_output(group)),
          grad_input_(context.grad_input(group)),
          weights_(weights),
          finish_(finish),
          sums_(scratch.take(plan.staging_elements)),
          panel_(scratch.take(0)) {}

    void compute(const PixelStrip& strip, kernels::PrefetchQueue<T>* prefetch) const {
        const plan::Conv2dProblem& p = context_.problem;
        constexpr std::int64_t most = Conv2dInputPlan::panel_channels;
        const std::int64_t lanes = context_.kernels.tile->lanes, width = plan::round_up(strip.pixels.size(), lanes);
        Range channels{0, 0};
        do {
            channels = {channels.end, std::min(p.out_channels, channels.end + most)};
            // Whole vectors can be read where they lie; the end of an image is copied without what follows.
            const bool whole = strip.pixels.size() == width;
            const T* from = grad_output_.at(strip.image, channels.begin, 0, strip.pixels.begin);
            if (!whole)
                context_.kernels.pack->copy(from, grad_output_.channel, 1, channels.size(), strip.pixels.size(), panel_,
                                            width);
            for (std::int64_t t = tiles_.begin; t < tiles_.end; ++t)
                add_tile(strip, channels, t, whole && t == tiles_.begin ? from : nullptr, prefetch);
        } while (channels.end < p.out_channels);  // an empty sum is written, too
    }

private:
    /// Adds the output channels to one tile; reads them from the panel, or from `in_place` and leaves them there.
    void add_tile(const PixelStrip& strip, Range channels, std::int64_t tile, const T* in_place,
                  kernels::PrefetchQueue<T>* prefetch) const {
        const plan::Conv2dProblem& p = context_.problem;
        const kernels::TileKernels<T>& kernels = *context_.kernels.tile;
        const int lanes = kernels.lanes;
        const Range rows = plan::share(p.in_channels, plan_.channel_tile_count(p), tile);
        const std::int64_t vectors = plan::ceil_div(strip.pixels.size(), lanes), width = vectors * lanes;
        T* sums = sums_ + rows.begin * width;
        const Run run{0, 0, channels.size()};
        const kernels::TileOperands<T> operands{in_place ? in_place : panel_,
                                                1,
                                                in_place ? grad_output_.channel : width,
                                                lanes,
                                                weights_ + rows.begin * p.out_channels + channels.begin * rows.size(),
                                                1,
                                                rows.size(),
                                                1,
                                                &run,
                                                1,
                                                prefetch,
                                                channels.begin > 0 ? sums : nullptr,
                                                width,
                                                panel_};
        const auto function = (in_place ? kernels.packing : kernels.function)[vectors][rows.size()];
        if (channels.end < p.out_channels) {
            function(operands, {sums, width, lanes, lanes, lanes, Finish::store});
        } else {
            T* to = grad_input_.at(strip.image, rows.begin, 0, strip.pixels.begin);
            const int last_lanes = static_cast<int>(strip.pixels.size() - (vectors - 1) * lanes);
            function(operands, {to, grad_input_.channel, lanes, lanes, last_lanes, finish_});
        }
    }

    const Conv2dContext<T>& context_;
    const Conv2dInputPlan& plan_;
    const Range tiles_;
    const TensorView<const T> grad_output_;
    const TensorView<T> grad_input_;
    const T* weights_;
    const Finish finish_;
    T* const sums_;   ///< [input channel][pixel]: unfinished
    T* const panel_;  ///< [output channel][pixel]
};

}  // namespace

template <class T>
void input_pointwise_task(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t group,
                          Range blocks, Range tiles, const T* weights, WriteMode mode, Scratch<T> scratch) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const int lanes = context.kernels.tile->lanes;
    const Finish finish = finish_of(mode);
    const StripSums<T> sums(context, plan, group, tiles, weights, finish, scratch);
    const TensorView<const T> grad_output = context.grad_output(group);
    const TensorView<const T> grad_input = read_only(context.grad_input(group));
    PrefetchList<T> prefetch;
    for (std::int64_t strip = blocks.begin; strip < blocks.end; ++strip) {
        prefetch.clear();
        prefetch.add(context.ahead.part(strip - blocks.begin, blocks.size()));
        if (strip + 1 < p.batch * plan.blocks_per_image) {
            const PixelStrip next = plan::pixel_strip(p, plan, lanes, strip + 1);
            const std::int64_t pixels = next.pixels.size();
            prefetch.add(grad_output, grad_output.at(next.image, 0, 0, next.pixels.begin), p.out_channels, pixels);
            prefetch.add(grad_input, grad_input.at(next.image, 0, 0, next.pixels.begin), p.in_channels, pixels);
        }
        sums.compute(plan::pixel_strip(p, plan, lanes, strip), prefetch.queue());
    }
}

template void input_pointwise_task<float>(const Conv2dContext<float>&, const Conv2dInputPlan&, std::int64_t, Range,
                                          Range, const float*, WriteMode, Scratch<float>) noexcept;
template void input_pointwise_task<double>(const Conv2dContext<double>&, const Conv2dInputPlan&, std::int64_t, Range,
                                           Range, const double*, WriteMode, Scratch<double>) noexcept;

}  // namespace backgrad::ops
