#include "ops/conv2d_input_pointwise.hpp"

#include "ops/conv2d_prefetch.hpp"

#include <algorithm>

namespace backgrad::ops {

namespace {

using kernels::Finish;
using kernels::Run;
using plan::Conv2dInputPlan;
using plan::ImagePixels;
using plan::Range;

/// Calls f(pixels of an image, pixels before them) for each image that a strip crosses.
template <class F>
void for_each_image(Range strip, std::int64_t image_pixels, F f) {
    for (Range rest = strip; rest.size() > 0;) {
        const ImagePixels some = plan::first_image(rest, image_pixels);
        f(some, rest.begin - strip.begin);
        rest.begin += some.pixels.size();
    }
}

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

    void compute(Range strip, kernels::PrefetchQueue<T>* prefetch) const {
        const plan::Conv2dProblem& p = context_.problem;
        constexpr std::int64_t most = Conv2dInputPlan::panel_channels;
        const std::int64_t width = plan::round_up(strip.size(), context_.kernels.tile->lanes);
        // Whole vectors of one image can be read where they lie.
        const ImagePixels first = plan::first_image(strip, p.pixels_out());
        const bool whole = first.pixels.size() == width;
        Range channels{0, 0};
        do {
            channels = {channels.end, std::min(p.out_channels, channels.end + most)};
            const T* from = grad_output_.at(first.image, channels.begin, 0, first.pixels.begin);
            if (!whole) pack(strip, channels, width);
            for (std::int64_t t = tiles_.begin; t < tiles_.end; ++t)
                add_tile(strip, channels, t, whole && t == tiles_.begin ? from : nullptr, prefetch);
        } while (channels.end < p.out_channels);  // an empty sum is written, too
    }

private:
    /// Copies the pixels without what follows them.
    void pack(Range strip, Range channels, std::int64_t width) const {
        for_each_image(strip, context_.problem.pixels_out(), [&](const ImagePixels& some, std::int64_t before) {
            context_.kernels.pack->copy(grad_output_.at(some.image, channels.begin, 0, some.pixels.begin),
                                        grad_output_.channel, 1, channels.size(), some.pixels.size(), panel_ + before,
                                        width);
        });
    }

    /// Moves finished sums of some input channels to grad_input.
    void unpack(Range strip, Range rows, std::int64_t width) const {
        const plan::Conv2dProblem& p = context_.problem;
        const kernels::PackKernels<T>& kernels = *context_.kernels.pack;
        const bool strided = p.stride_height > 1 || p.stride_width > 1;
        for_each_image(strip, p.pixels_out(), [&](const ImagePixels& some, std::int64_t before) {
            const T* from = sums_ + rows.begin * width + before;
            T* image = grad_input_.at(some.image, rows.begin, 0, 0);
            const std::int64_t first = some.pixels.begin, pixels = some.pixels.size();
            if (strided)
                kernels.spread(from, width, rows.size(), first, pixels,
                               {image, grad_input_.channel, grad_input_.row, p.in_height, p.in_width, p.stride_height,
                                p.stride_width, p.out_width},
                               finish_);
            else kernels.copy_out(from, width, rows.size(), pixels, image + first, grad_input_.channel, 1, finish_);
        });
    }

    /// Adds the output channels to one tile; reads them from the panel, or from `in_place` and leaves them there.
    void add_tile(Range strip, Range channels, std::int64_t tile, const T* in_place,
                  kernels::PrefetchQueue<T>* prefetch) const {
        const plan::Conv2dProblem& p = context_.problem;
        const kernels::TileKernels<T>& kernels = *context_.kernels.tile;
        const int lanes = kernels.lanes;
        const Range rows = plan::share(p.in_channels, plan_.channel_tile_count(p), tile);
        const std::int64_t vectors = plan::ceil_div(strip.size(), lanes), width = vectors * lanes;
        T* sums = sums_ + rows.begin * width;
        const Run run{0, 0, channels.size()};
        const kernels::TileOperands<T> operands{in_place ? in_place : panel_,
                                                1,
                                                in_place ? grad_output_.channel : width,
                                                lanes,
                                                weights_ + channels.begin * p.in_channels + rows.begin,
                                                1,
                                                p.in_channels,
                                                1,
                                                &run,
                                                1,
                                                prefetch,
                                                channels.begin > 0 ? sums : nullptr,
                                                width,
                                                panel_};
        const auto function = (in_place ? kernels.packing : kernels.function)[vectors][rows.size()];
        if (channels.end < p.out_channels || plan_.staged) {
            function(operands, {sums, width, lanes, lanes, lanes, Finish::store});
            if (channels.end == p.out_channels) unpack(strip, rows, width);
        } else {
            const ImagePixels only = plan::first_image(strip, p.pixels_out());
            T* to = grad_input_.at(only.image, rows.begin, 0, only.pixels.begin);
            const int last_lanes = static_cast<int>(strip.size() - (vectors - 1) * lanes);
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

/// The elements of grad_input, counted through an image, from the first to the last of some pixels' rows of cells.
Range cell_elements(const plan::Conv2dProblem& p, Range pixels) {
    if (p.out_height == 1 && p.stride_width == 1) return pixels;
    const std::int64_t begin = pixels.begin / p.out_width, end = plan::ceil_div(pixels.end, p.out_width);
    return {begin * p.stride_height * p.in_width, std::min(p.in_height, end * p.stride_height) * p.in_width};
}

}  // namespace

template <class T>
void input_pointwise_task(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t group,
                          Range blocks, Range tiles, const T* weights, WriteMode mode, Scratch<T> scratch) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const std::int64_t present = plan.blocks_of(p);
    const Finish finish = finish_of(mode);
    const StripSums<T> sums(context, plan, group, tiles, weights, finish, scratch);
    const TensorView<const T> grad_output = context.grad_output(group);
    const TensorView<const T> grad_input = read_only(context.grad_input(group));
    PrefetchList<T> prefetch;
    for (std::int64_t strip = blocks.begin; strip < blocks.end; ++strip) {
        prefetch.clear();
        prefetch.add(context.ahead.part(strip - blocks.begin, blocks.size()));
        if (strip + 1 < present)
            for_each_image(
                plan::pixel_strip(p, plan, strip + 1), p.pixels_out(), [&](const ImagePixels& next, std::int64_t) {
                    const Range cells = cell_elements(p, next.pixels);
                    prefetch.add(grad_output, grad_output.at(next.image, 0, 0, next.pixels.begin), p.out_channels,
                                 next.pixels.size());
                    prefetch.add(grad_input, grad_input.at(next.image, 0, 0, cells.begin), p.in_channels, cells.size());
                });
        sums.compute(plan::pixel_strip(p, plan, strip), prefetch.queue());
    }
}

template void input_pointwise_task<float>(const Conv2dContext<float>&, const Conv2dInputPlan&, std::int64_t, Range,
                                          Range, const float*, WriteMode, Scratch<float>) noexcept;
template void input_pointwise_task<double>(const Conv2dContext<double>&, const Conv2dInputPlan&, std::int64_t, Range,
                                           Range, const double*, WriteMode, Scratch<double>) noexcept;

}  // namespace backgrad::ops
