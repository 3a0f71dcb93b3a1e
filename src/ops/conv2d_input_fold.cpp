#include "ops/conv2d_input_fold.hpp"

#include "ops/conv2d_prefetch.hpp"
#include "ops/conv2d_strips.hpp"
#include "plan/conv2d_fold_plan.hpp"

#include <algorithm>

namespace backgrad::ops {

namespace {

using kernels::FoldTap;
using plan::Conv2dInputPlan;
using plan::Range;

/// Where the sums of the kernel's taps lie: [tap of a channel][row of grad_output][column].
struct TapSums {
    const plan::Conv2dProblem& problem;
    std::int64_t tap_step;  ///< elements between two of them

    /// Of the sums of one tap. The taps are those of the formula; a rotated kernel has them backwards in memory.
    std::int64_t offset(std::int64_t channel, std::int64_t row, std::int64_t column) const {
        const plan::Conv2dProblem& p = problem;
        const std::int64_t tap = row * p.kernel_width + column, stored = p.rotated_kernel ? p.taps() - 1 - tap : tap;
        return (p.weight_ohwi ? stored * p.in_channels + channel : channel * p.taps() + stored) * tap_step;
    }
};

/// The column taps of all phases of a row, relative to the sums of kernel column 0.
class ColumnTaps {
public:
    ColumnTaps(const TapSums& sums, FoldTap* taps, std::int64_t* phase_ends) : taps_(taps), phase_ends_(phase_ends) {
        const plan::Conv2dProblem& p = sums.problem;
        std::int64_t count = 0;
        for (std::int64_t phase = 0; phase < p.stride_width; ++phase) {
            const std::int64_t elements = plan::ceil_div(p.in_width - phase, p.stride_width);
            for (std::int64_t c = 0; c < p.kernel_width; ++c) {
                const std::int64_t distance = phase + p.padding_left - c * p.dilation_width;
                if (distance % p.stride_width != 0) continue;
                const std::int64_t shift = distance / p.stride_width;
                taps_[count++] = {sums.offset(0, 0, c) - sums.offset(0, 0, 0) + shift,
                                  std::max<std::int64_t>(0, -shift), std::min(elements, p.out_width - shift)};
            }
            phase_ends_[phase] = count;
        }
    }

    template <class T>
    kernels::FoldRow<T> row(const T* from, std::int64_t phases, std::int64_t rows, std::ptrdiff_t row_step) const {
        return {from, taps_, phase_ends_, phases, rows, row_step};
    }

private:
    FoldTap* taps_;
    std::int64_t* phase_ends_;
};

/// Sums the taps of some rows of grad_output at a time, and folds the rows of grad_input that have all they need.
template <class T>
class Folder {
public:
    Folder(const Conv2dContext<T>& context, const plan::Conv2dProblem& sums_problem, const Conv2dInputPlan& plan,
           std::int64_t group, const T* weights, const SharedTapSums<T>& shared, WriteMode mode, Scratch<T> scratch)
        : context_(context),
          problem_(context.problem),
          sums_problem_(sums_problem),
          plan_(plan),
          group_(group),
          shared_(shared),
          grad_output_(context.grad_output(group)),
          grad_input_(context.grad_input(group)),
          finish_(finish_of(mode)),
          strips_(sums_problem, plan, context.kernels, grad_output_, weights, scratch),
          tap_sums_{context.problem, plan.fold_channel},
          sums_(plan.sums_shared ? nullptr : scratch.take(sums_problem.in_channels * plan.fold_channel)),
          taps_(tap_sums_, reinterpret_cast<FoldTap*>(scratch.take(problem_.kernel_width * 3 * 16)),
                reinterpret_cast<std::int64_t*>(scratch.take(problem_.stride_width * 16))) {}

    void compute(const plan::InputBlock& block) {
        Range there{0, 0};  // rows of grad_output whose sums are in memory
        const std::int64_t last = plan::reaching_rows(problem_, block.rows).end;
        for (std::int64_t y = block.rows.begin; y < block.rows.end;) {
            const Range first = plan::reaching_rows(problem_, {y, y + 1});
            const std::int64_t end = std::min(last, first.begin + plan_.fold_rows);
            move_sums(there, first.begin);
            const std::int64_t width = problem_.out_width, next = std::max(there.end, first.begin);
            add_sums(block.images.begin, {next * width, end * width}, sums_ + (next - first.begin) * width);
            there = {first.begin, std::max(end, first.begin)};
            do fold_row(block.images.begin, y++, sums_, there.begin);
            while (y < block.rows.end && plan::reaching_rows(problem_, {y, y + 1}).end <= there.end);
        }
    }

    /// Sums the taps of one band into the image's sums, and folds the rows of grad_input that waited for nothing else.
    void compute_shared(std::int64_t block) {
        const std::int64_t image = block / plan_.row_blocks, lanes = plan_.strip_lanes;
        const std::int64_t number = image * problem_.groups + group_;
        T* sums = shared_.data + number * sums_problem_.in_channels * plan_.fold_channel;
        const Range band = plan::band_vectors(problem_, plan_, block);
        add_sums(image, {band.begin * lanes, std::min(problem_.pixels_out(), band.end * lanes)},
                 sums + band.begin * lanes);
        const Range rows = plan::waiting_rows(problem_, plan_, band);
        for (std::int64_t y = rows.begin; y < rows.end; ++y) {
            const Range awaited = plan::awaited_vectors(problem_, plan_, y);
            const Range brought{std::max(awaited.begin, band.begin), std::min(awaited.end, band.end)};
            if (brought.size() > 0 &&
                shared_.arrivals.completes(number * problem_.in_height + y, brought.size(), awaited.size()))
                fold_row(image, y, sums, 0);
        }
    }

private:
    /// Brings the sums that are needed further to the front.
    void move_sums(Range there, std::int64_t first) {
        const std::int64_t rows = there.end - first;
        if (rows <= 0 || first == there.begin) return;
        const T* from = sums_ + (first - there.begin) * problem_.out_width;
        context_.kernels.pack->copy(from, plan_.fold_channel, 1, sums_problem_.in_channels, rows * problem_.out_width,
                                    sums_, plan_.fold_channel);
    }

    /// Sums the taps of some pixels of grad_output.
    void add_sums(std::int64_t image, Range some, T* to) {
        if (some.size() == 0) return;
        const std::int64_t lanes = plan_.strip_lanes, pixels = some.size();
        const std::int64_t at = image * problem_.pixels_out() + some.begin;
        const std::int64_t strips = plan::ceil_div(pixels, lanes * plan_.pixel_vectors);
        const Range tiles{0, plan_.channel_tile_count(sums_problem_)};
        for (std::int64_t s = 0; s < strips; ++s) {
            const Range strip = cut(pixels, strips, s), next = cut(pixels, strips, s + 1 < strips ? s + 1 : s);
            prefetch_.clear();
            prefetch_.add(grad_output_, grad_output_.at(image, 0, 0, some.begin + next.begin), problem_.out_channels,
                          next.size());
            strips_.compute({at + strip.begin, at + strip.end}, tiles,
                            {to + strip.begin, plan_.fold_channel, kernels::Finish::store}, prefetch_.queue(),
                            [](Range) {});
        }
    }

    /// Part s of some pixels: whole vectors.
    Range cut(std::int64_t pixels, std::int64_t strips, std::int64_t s) const {
        const Range vectors = plan::share(plan::ceil_div(pixels, plan_.strip_lanes), strips, s);
        return {vectors.begin * plan_.strip_lanes, std::min(pixels, vectors.end * plan_.strip_lanes)};
    }

    /// Folds a row of all channels; `first` is the row of grad_output whose sums stand at the beginning of `sums`.
    void fold_row(std::int64_t image, std::int64_t y, const T* sums, std::int64_t first) {
        const plan::KernelRows rows = plan::kernel_rows(problem_, y);
        const std::ptrdiff_t next =
            tap_sums_.offset(0, rows.step, 0) - tap_sums_.offset(0, 0, 0) - rows.output_step * problem_.out_width;
        for (std::int64_t c = 0; c < problem_.in_channels; ++c) {
            const T* from = sums + tap_sums_.offset(c, rows.first, 0) + (rows.output_row - first) * problem_.out_width;
            context_.kernels.pack->fold(taps_.row(from, problem_.stride_width, rows.count, next), problem_.in_width,
                                        grad_input_.at(image, c, y, 0), finish_);
        }
    }

    const Conv2dContext<T>& context_;
    const plan::Conv2dProblem& problem_;
    const plan::Conv2dProblem& sums_problem_;
    const Conv2dInputPlan& plan_;
    const std::int64_t group_;
    const SharedTapSums<T>& shared_;
    const TensorView<const T> grad_output_;
    const TensorView<T> grad_input_;
    const kernels::Finish finish_;
    const StripSums<T> strips_;
    const TapSums tap_sums_;
    T* const sums_;  ///< null where they are shared
    const ColumnTaps taps_;
    PrefetchList<T> prefetch_;
};

}  // namespace

template <class T>
void input_fold_task(const Conv2dContext<T>& context, const Conv2dInputPlan& plan, std::int64_t group, Range blocks,
                     const T* weights, const SharedTapSums<T>& shared, WriteMode mode, Scratch<T> scratch) noexcept {
    const plan::Conv2dProblem sums_problem = plan::tap_sums_problem(context.problem);
    Folder<T> folder(context, sums_problem, plan, group, weights, shared, mode, scratch);
    for (std::int64_t b = blocks.begin; b < blocks.end; ++b) {
        if (plan.sums_shared) folder.compute_shared(b);
        else folder.compute(plan::input_block(context.problem, plan, b));
    }
}

template void input_fold_task<float>(const Conv2dContext<float>&, const Conv2dInputPlan&, std::int64_t, Range,
                                     const float*, const SharedTapSums<float>&, WriteMode, Scratch<float>) noexcept;
template void input_fold_task<double>(const Conv2dContext<double>&, const Conv2dInputPlan&, std::int64_t, Range,
                                      const double*, const SharedTapSums<double>&, WriteMode, Scratch<double>) noexcept;

}  // namespace backgrad::ops
