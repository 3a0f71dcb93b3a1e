#pragma once

#include "kernels/channel_vectors.hpp"
#include "kernels/pool2d_kernels.hpp"
#include "kernels/span_writer.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Every pixel of a plane gets grad_output * reciprocal, or the reciprocal where there is no grad_output.
template <class T, class Writer>
class GlobalFiller {
public:
    GlobalFiller(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors), writer_(problem.accumulate, problem.streaming) {}

    /// NCHW: each plane is one value.
    void fill_planes(const kernels::Pool2dBox& box) {
        // No store can reach copies of them.
        const kernels::Pool2dProblem problem = problem_;
        const kernels::Pool2dTensors<T> tensors = tensors_;
        const std::int64_t run = (box.row_end - box.row_begin) * problem.in_width;
        const bool whole_planes = run == problem.in_height * problem.in_width;
        for (std::int64_t n = box.batch_begin; n < box.batch_end; ++n) {
            for (std::int64_t c = box.channel_begin; c < box.channel_end; ++c) {
                const std::int64_t plane = n * problem.channels + c;
                const T gradient = tensors.grad_output != nullptr ? tensors.grad_output[plane] * tensors.reciprocal
                                                                  : tensors.reciprocal;
                writer_.seek(tensors.grad_input + (plane * problem.in_height + box.row_begin) * problem.in_width);
                // What a last whole vector writes too much, the next planes of this box put right.
                const bool may_spill = whole_planes && (box.channel_end - c - 1) * run >= lanes;
                const vec<T> value = vec<T>::broadcast(gradient);
                put_run<T>(writer_, 0, run, may_spill, [&](std::int64_t, int) { return value; });
            }
        }
    }

    /// NHWC: each pixel of an image gets the same row of channels.
    void fill_pixels(const kernels::Pool2dBox& box) {
        const bool whole_pixels = box.channel_end - box.channel_begin == problem_.channels;
        const std::int64_t all = (box.row_end - box.row_begin) * problem_.in_width;
        if (whole_pixels && problem_.channels <= few_channels && all >= 2 * pixels_at_once()) {
            return fill_short_pixels(box);
        }
        const vec<T> reciprocal = vec<T>::broadcast(tensors_.reciprocal);
        for (std::int64_t n = box.batch_begin; n < box.batch_end; ++n) {
            const std::int64_t first = (n * problem_.in_height + box.row_begin) * problem_.in_width;
            const std::int64_t pixels = (box.row_end - box.row_begin) * problem_.in_width;
            const T* const gradients = tensors_.grad_output != nullptr
                                           ? tensors_.grad_output + n * problem_.channels + box.channel_begin
                                           : nullptr;
            for (std::int64_t pixel = first; pixel < first + pixels; ++pixel) {
                writer_.seek(tensors_.grad_input + pixel * problem_.channels + box.channel_begin);
                put_run<T>(writer_, 0, box.channel_end - box.channel_begin, false, [&](std::int64_t c, int n) {
                    return gradients != nullptr ? reciprocal * load_some(gradients + c, n) : reciprocal;
                });
            }
        }
    }

private:
    static constexpr int lanes = vec<T>::lanes;
    static constexpr std::int64_t few_channels = 64;  ///< up to which pixels are written many at once

    /// Pixels that fill whole vectors together, and more than one.
    std::int64_t pixels_at_once() const { return problem_.channels % lanes == 0 ? 8 : lanes; }

    /// The pixels of an image are one run of elements: it is copied from as many pixels as fill vectors.
    void fill_short_pixels(const kernels::Pool2dBox& box) {
        const std::int64_t pixels = (box.row_end - box.row_begin) * problem_.in_width, copies = pixels_at_once();
        T some[(lanes > 8 ? lanes : 8) * few_channels + lanes];
        for (std::int64_t n = box.batch_begin; n < box.batch_end; ++n) {
            copy_pixel(n, copies, some);
            const std::int64_t first = (n * problem_.in_height + box.row_begin) * problem_.in_width;
            writer_.seek(tensors_.grad_input + first * problem_.channels);
            for (std::int64_t pixel = 0; pixel < pixels; pixel += copies) {
                const std::int64_t count = pixels - pixel < copies ? pixels - pixel : copies;
                put_run<T>(writer_, 0, count * problem_.channels, false,
                           [&](std::int64_t k, int) { return vec<T>::load(some + k); });
            }
        }
    }

    /// What each pixel of image n gets, `copies` times. A vector more is written; the next copy puts it right.
    void copy_pixel(std::int64_t n, std::int64_t copies, T* to) const {
        const vec<T> reciprocal = vec<T>::broadcast(tensors_.reciprocal);
        const bool given = tensors_.grad_output != nullptr;
        for (std::int64_t k = 0; k < copies; ++k, to += problem_.channels) {
            for_each_vector<T>(problem_.channels, [&](std::int64_t c, int count) {
                vec<T> value = reciprocal;
                if (given) value = value * load_some(tensors_.grad_output + n * problem_.channels + c, count);
                value.store(to + c);
            });
        }
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    Writer writer_;
};

/// Calls fill(filler) with the writer that is best; `aligned` tells that StreamWriter serves.
template <class T, class Fill>
void fill_globally(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors, bool aligned,
                   const Fill& fill) {
    if (!problem.accumulate && !problem.streaming) return fill(GlobalFiller<T, DirectWriter<T>>(problem, tensors));
    if (!problem.accumulate && aligned) return fill(GlobalFiller<T, StreamWriter<T>>(problem, tensors));
    fill(GlobalFiller<T, SpanWriter<T>>(problem, tensors));
}

template <class T>
void fill_planes(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                 const kernels::Pool2dBox& box) {
    const std::int64_t width = problem.in_width;
    const bool aligned = StreamWriter<T>::serves(tensors.grad_input, problem.in_height * width, box.row_begin * width,
                                                 box.row_end * width);
    fill_globally(problem, tensors, aligned, [&](auto&& filler) { filler.fill_planes(box); });
}

template <class T>
void fill_pixels(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                 const kernels::Pool2dBox& box) {
    const bool aligned =
        StreamWriter<T>::serves(tensors.grad_input, problem.channels, box.channel_begin, box.channel_end);
    fill_globally(problem, tensors, aligned, [&](auto&& filler) { filler.fill_pixels(box); });
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
