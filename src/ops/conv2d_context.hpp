#pragma once

#include "kernels/conv2d_kernels.hpp"
#include "ops/fetch_ahead.hpp"
#include "plan/conv2d_problem.hpp"
#include "plan/segments.hpp"

#include <backgrad/conv2d.hpp>

#include <algorithm>
#include <cstdint>

namespace backgrad::ops {

/// A tensor of one convolution with its strides in elements, for one convolution group.
template <class T>
struct TensorView {
    T* data;
    std::int64_t image, channel, row, pixel;

    T* at(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
        return data + n * image + c * channel + y * row + x * pixel;
    }
};

/// Calls f(first element, pixels) for `width` columns from `column` on of some rows: for all rows at once where they
/// lie one behind the other, else for each.
template <class T, class F>
void for_each_row_run(const TensorView<T>& tensor, std::int64_t image, std::int64_t channel, const plan::Range& rows,
                      std::int64_t column, std::int64_t width, F f) {
    const bool joined = tensor.row == width * tensor.pixel;
    const std::int64_t runs = joined ? 1 : rows.size(), pixels = joined ? rows.size() * width : width;
    for (std::int64_t y = 0; y < runs; ++y) f(tensor.at(image, channel, rows.begin + y, column), pixels);
}

/// Elements of a cache line.
template <class T>
constexpr std::int64_t line_elements = 64 / sizeof(T);

/// Whether whole lines may be written past the caches, if `asked`: nothing is added to what is there, and every pixel,
/// channels last, or else every plane begins with a line.
template <class T>
bool may_stream(bool asked, const TensorView<T>& tensor, WriteMode mode) {
    if (!asked || mode != WriteMode::overwrite) return false;
    constexpr std::int64_t line = line_elements<T>;
    const bool parts =
        tensor.channel == 1 ? tensor.pixel % line == 0 && tensor.row % line == 0 : tensor.channel % line == 0;
    return parts && tensor.image % line == 0 && reinterpret_cast<std::uintptr_t>(tensor.data) % 64 == 0;
}

inline kernels::Finish finish_of(WriteMode mode) {
    return mode == WriteMode::accumulate ? kernels::Finish::add : kernels::Finish::store;
}

template <class T>
TensorView<const T> read_only(const TensorView<T>& tensor) {
    return {tensor.data, tensor.image, tensor.channel, tensor.row, tensor.pixel};
}

/// View of a (batch, groups * channels, height, width) tensor that starts at the group's first channel.
template <class T>
TensorView<T> view(T* data, Layout layout, std::int64_t groups, std::int64_t channels, std::int64_t height,
                   std::int64_t width, std::int64_t group) {
    const std::int64_t all = groups * channels, pixels = height * width;
    if (layout == Layout::nchw) return {data + group * channels * pixels, all * pixels, pixels, width, 1};
    return {data + group * channels, all * pixels, 1, width * all, all};
}

/// What every task of a convolution reads: the tensors of some images of the batch, or of all.
template <class T>
struct Conv2dContext {
    const plan::Conv2dProblem& problem;  ///< with the images of these tensors as its batch
    const kernels::Conv2dKernels<T>& kernels;
    const Conv2dBackwardArguments<T>& arguments;
    std::int64_t first_image;  ///< of the whole batch: the one with which these tensors begin
    FetchAhead ahead = {};     ///< this task's share

    /// The segments of a group that lie in these tensors. Segments and groups are those of the whole batch.
    plan::Range segments(const plan::Segments& whole, const plan::Range& group) const {
        const std::int64_t begin = std::max(group.begin, whole.first_from(first_image));
        return {begin, std::max(begin, std::min(group.end, whole.first_from(first_image + problem.batch)))};
    }
    /// Whether these tensors hold the last of a group's segments: later images add nothing to its sum.
    bool ends(const plan::Segments& whole, const plan::Range& group) const {
        return segments(whole, group).end >= group.end;
    }
    /// The pixels of such a segment, in images of these tensors.
    plan::PixelBox box(const plan::Segments& whole, std::int64_t segment) const {
        plan::PixelBox box = whole.box(segment);
        box.image_begin -= first_image;
        box.image_end -= first_image;
        return box;
    }

    /// Of the input and of grad_output, of these images.
    std::int64_t tensor_bytes() const {
        return (problem.input_elements() + problem.output_elements()) * static_cast<std::int64_t>(sizeof(T));
    }
    TensorView<const T> grad_output(std::int64_t group) const {
        return view(arguments.grad_output, problem.layout, problem.groups, problem.out_channels,
                    problem.grad_output_height, problem.grad_output_width, group);
    }
    TensorView<const T> input(std::int64_t group) const {
        return view(arguments.input, problem.layout, problem.groups, problem.in_channels, problem.in_height,
                    problem.in_width, group);
    }
    TensorView<T> grad_input(std::int64_t group) const {
        return view(arguments.grad_input, problem.layout, problem.groups, problem.in_channels, problem.in_height,
                    problem.in_width, group);
    }
};

/// Hands out aligned pieces of a scratch buffer one after the other.
template <class T>
class Scratch {
public:
    explicit Scratch(T* begin) : next_(begin) {}

    T* take(std::int64_t elements) {
        T* piece = next_;
        next_ += plan::round_up(elements, 16);
        return piece;
    }

private:
    T* next_;
};

}  // namespace backgrad::ops
