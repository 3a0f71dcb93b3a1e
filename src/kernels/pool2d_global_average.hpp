#pragma once

#include "kernels/pool2d_kernels.hpp"
#include "kernels/span_writer.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// NCHW: each plane is one value, grad_output * reciprocal, or the reciprocal where there is no grad_output.
template <class T>
void fill_planes(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                 const kernels::Pool2dBox& box) {
    constexpr int lanes = vec<T>::lanes;
    SpanWriter<T> writer(problem.accumulate, problem.streaming);
    for (std::int64_t n = box.batch_begin; n < box.batch_end; ++n) {
        for (std::int64_t c = box.channel_begin; c < box.channel_end; ++c) {
            const std::int64_t plane = n * problem.channels + c;
            const T gradient =
                tensors.grad_output != nullptr ? tensors.grad_output[plane] * tensors.reciprocal : tensors.reciprocal;
            const vec<T> value = vec<T>::broadcast(gradient);
            writer.seek(tensors.grad_input + (plane * problem.in_height + box.row_begin) * problem.in_width);
            std::int64_t left = (box.row_end - box.row_begin) * problem.in_width;
            for (; left >= lanes; left -= lanes) writer.put(value, lanes);
            if (left > 0) writer.put(value, static_cast<int>(left));
        }
    }
}

/// NHWC: each pixel of an image gets the same row of channels.
template <class T>
void fill_pixels(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                 const kernels::Pool2dBox& box) {
    constexpr int lanes = vec<T>::lanes;
    const vec<T> reciprocal = vec<T>::broadcast(tensors.reciprocal);
    SpanWriter<T> writer(problem.accumulate, problem.streaming);
    for (std::int64_t n = box.batch_begin; n < box.batch_end; ++n) {
        const std::int64_t first = (n * problem.in_height + box.row_begin) * problem.in_width;
        const std::int64_t pixels = (box.row_end - box.row_begin) * problem.in_width;
        for (std::int64_t pixel = first; pixel < first + pixels; ++pixel) {
            writer.seek(tensors.grad_input + pixel * problem.channels + box.channel_begin);
            for (std::int64_t c = box.channel_begin; c < box.channel_end; c += lanes) {
                const std::int64_t left = box.channel_end - c;
                const int count = left < lanes ? static_cast<int>(left) : lanes;
                vec<T> value = reciprocal;
                if (tensors.grad_output != nullptr) {
                    const T* gradient = tensors.grad_output + n * problem.channels + c;
                    value =
                        reciprocal * (count == lanes ? vec<T>::load(gradient) : vec<T>::load_first(gradient, count));
                }
                writer.put(value, count);
            }
        }
    }
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
