#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_input_plan.hpp"

#include <algorithm>

namespace backgrad::ops {

/// Calls f(pixels of an image, pixels before them) for each image that a strip crosses.
template <class F>
void for_each_image(plan::Range strip, std::int64_t image_pixels, F f) {
    for (plan::Range rest = strip; rest.size() > 0;) {
        const plan::ImagePixels some = plan::first_image(rest, image_pixels);
        f(some, rest.begin - strip.begin);
        rest.begin += some.pixels.size();
    }
}

/// Where the sums of a strip go: sum of channel c and pixel i to data[c * channel + i].
template <class T>
struct StripTarget {
    T* data;
    std::ptrdiff_t channel;
    kernels::Finish finish;
    bool streaming = false;  ///< whole lines go past the caches
};

/// The sums over output channels of strips of pixels. Blocks of output channels are packed by the first tile of input
/// channels that reads them, and stay in the L1 cache while the others pass over them.
template <class T>
class StripSums {
public:
    /// `problem` is a 1x1 convolution over the pixels of `grad_output`; `weights` are read where they lie.
    StripSums(const plan::Conv2dProblem& problem, const plan::Conv2dInputPlan& plan,
              const kernels::Conv2dKernels<T>& kernels, const TensorView<const T>& grad_output, const T* weights,
              Scratch<T>& scratch)
        : problem_(problem),
          plan_(plan),
          kernels_(kernels),
          grad_output_(grad_output),
          weights_(weights),
          sums_(scratch.take(plan.staging_elements)),
          panel_(scratch.take(plan.strip_panel_elements(problem))) {}

    /// Computes tiles of input channels; calls after_tile(channels) as each is finished.
    template <class AfterTile>
    void compute(plan::Range strip, plan::Range tiles, const StripTarget<T>& target,
                 kernels::PrefetchQueue<T>* prefetch, AfterTile after_tile) const {
        const plan::Conv2dProblem& p = problem_;
        constexpr std::int64_t most = plan::Conv2dInputPlan::panel_channels;
        const std::int64_t width = plan::round_up(strip.size(), kernels_.tile->lanes);
        // Whole vectors of one image can be read where they lie.
        const plan::ImagePixels first = plan::first_image(strip, p.pixels_out());
        const bool whole = first.pixels.begin + width <= p.pixels_out();
        plan::Range channels{0, 0};
        do {
            channels = {channels.end, std::min(p.out_channels, channels.end + most)};
            const T* from = grad_output_.at(first.image, channels.begin, 0, first.pixels.begin);
            if (!whole) pack(strip, channels, width);
            for (std::int64_t t = tiles.begin; t < tiles.end; ++t) {
                const plan::Range rows = plan_.tile_channels(p, t);
                add_tile(strip.size(), channels, rows, whole && t == tiles.begin ? from : nullptr, target, prefetch);
                if (channels.end == p.out_channels) after_tile(rows);
            }
        } while (channels.end < p.out_channels);  // an empty sum is written, too
    }

    /// Memory for the sums of a strip of that width, for those that must be moved.
    StripTarget<T> staging(std::int64_t pixels) const {
        return {sums_, plan::round_up(pixels, kernels_.tile->lanes), kernels::Finish::store};
    }

private:
    /// Copies the pixels without what follows them; zeros fill the last vector.
    void pack(plan::Range strip, plan::Range channels, std::int64_t width) const {
        for_each_image(strip, problem_.pixels_out(), [&](const plan::ImagePixels& some, std::int64_t before) {
            kernels_.pack->copy(grad_output_.at(some.image, channels.begin, 0, some.pixels.begin), grad_output_.channel,
                                1, channels.size(), some.pixels.size(), panel_ + before, width);
        });
        kernels_.pack->clear_columns(panel_ + strip.size(), width, channels.size(), width - strip.size());
    }

    /// Adds output channels to one tile; reads them from the panel, or from `in_place` and leaves them there.
    void add_tile(std::int64_t pixels, plan::Range channels, plan::Range rows, const T* in_place,
                  const StripTarget<T>& target, kernels::PrefetchQueue<T>* prefetch) const {
        const kernels::TileKernels<T>& tile = *kernels_.tile;
        const int lanes = tile.lanes;
        const std::int64_t vectors = plan::ceil_div(pixels, lanes), width = vectors * lanes;
        T* sums = sums_ + rows.begin * width;
        const kernels::Run run{0, 0, channels.size()};
        const kernels::TileOperands<T> operands{in_place ? in_place : panel_,
                                                1,
                                                in_place ? grad_output_.channel : width,
                                                lanes,
                                                weights_ + channels.begin * problem_.in_channels + rows.begin,
                                                1,
                                                problem_.in_channels,
                                                1,
                                                &run,
                                                1,
                                                prefetch,
                                                channels.begin > 0 ? sums : nullptr,
                                                width,
                                                panel_};
        const auto function = (in_place ? tile.packing : tile.function)[vectors][rows.size()];
        if (channels.end < problem_.out_channels) {
            function(operands, {sums, width, lanes, lanes, lanes, kernels::Finish::store});
        } else {
            const int last_lanes = static_cast<int>(pixels - (vectors - 1) * lanes);
            function(operands, {target.data + rows.begin * target.channel, target.channel, lanes, lanes, last_lanes,
                                target.finish, target.streaming});
        }
    }

    const plan::Conv2dProblem& problem_;
    const plan::Conv2dInputPlan& plan_;
    const kernels::Conv2dKernels<T>& kernels_;
    const TensorView<const T> grad_output_;
    const T* weights_;
    T* const sums_;   ///< [input channel][pixel]: unfinished, or to be moved
    T* const panel_;  ///< [output channel][pixel]
};

}  // namespace backgrad::ops
