#pragma once

#include "kernels/pool2d_kernels.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

/// Element by element, for the rare problems that no block of scratch fits: stride and dilation together, windows of
/// thousands of columns. `nhwc` tells the layout.
template <class T, bool nhwc>
class AnyGatherer {
public:
    AnyGatherer(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors)
        : problem_(problem), tensors_(tensors) {}

    template <bool maximum>
    void gather(const kernels::Pool2dBox& box) {
        for (image_ = box.batch_begin; image_ < box.batch_end; ++image_) {
            for (channel_ = box.channel_begin; channel_ < box.channel_end; ++channel_) {
                for (std::int64_t row = box.row_begin; row < box.row_end; ++row) {
                    for (std::int64_t column = 0; column < problem_.in_width; ++column) {
                        T& element = tensors_.grad_input[input_at(row, column)];
                        const T sum = sum_of_windows<maximum>(row, column);
                        element = problem_.accumulate ? element + sum : sum;
                    }
                }
            }
        }
    }

private:
    template <bool maximum>
    T sum_of_windows(std::int64_t row, std::int64_t column) const {
        T sum = 0;
        for (std::int64_t j = problem_.rows.first[row]; j < problem_.rows.first[row + 1]; ++j) {
            const std::int64_t y = problem_.rows.windows[j];
            for (std::int64_t k = problem_.columns.first[column]; k < problem_.columns.first[column + 1]; ++k) {
                const std::int64_t x = problem_.columns.windows[k];
                const T gradient = tensors_.grad_output[output_at(y, x)];
                if constexpr (!maximum) {
                    sum += gradient * tensors_.reciprocals[y][x];
                } else if (is_maximum(j, k, row * problem_.in_width + column)) {
                    sum += gradient;
                }
            }
        }
        return sum;
    }

    /// j and k number the covers of the pixel's row and column.
    bool is_maximum(std::int64_t j, std::int64_t k, std::int64_t position) const {
        const std::int64_t y = problem_.rows.windows[j], x = problem_.columns.windows[k];
        const std::int64_t at = output_at(y, x);
        switch (problem_.source) {
            case kernels::MaximumSource::input:
                return find_maximum(y, x) == position;
            case kernels::MaximumSource::plane_indices:
                return tensors_.plane_indices[at] == position;
            case kernels::MaximumSource::window_offsets:
                return tensors_.window_offsets[at] ==
                       problem_.rows.taps[j] * problem_.window_width + problem_.columns.taps[k];
        }
        return false;
    }

    /// The first maximum in row-major order; a NaN counts as the maximum. The window covers a pixel, so it has one.
    std::int64_t find_maximum(std::int64_t y, std::int64_t x) const {
        std::int64_t position = -1;
        T best = 0;
        for (std::int64_t r = 0; r < problem_.window_height; ++r) {
            const std::int64_t row = y * problem_.stride_height - problem_.padding_top + r * problem_.dilation_height;
            if (row < 0 || row >= problem_.in_height) continue;
            for (std::int64_t c = 0; c < problem_.window_width; ++c) {
                const std::int64_t column =
                    x * problem_.stride_width - problem_.padding_left + c * problem_.dilation_width;
                if (column < 0 || column >= problem_.in_width) continue;
                const T value = tensors_.input[input_at(row, column)];
                if (position < 0 || (best == best && !(value <= best))) {
                    best = value;
                    position = row * problem_.in_width + column;
                }
            }
        }
        return position;
    }

    std::int64_t input_at(std::int64_t row, std::int64_t column) const {
        return at(row, column, problem_.in_height, problem_.in_width);
    }
    std::int64_t output_at(std::int64_t row, std::int64_t column) const {
        return at(row, column, problem_.out_height, problem_.out_width);
    }
    std::int64_t at(std::int64_t row, std::int64_t column, std::int64_t height, std::int64_t width) const {
        if constexpr (nhwc) return ((image_ * height + row) * width + column) * problem_.channels + channel_;
        return ((image_ * problem_.channels + channel_) * height + row) * width + column;
    }

    const kernels::Pool2dProblem& problem_;
    const kernels::Pool2dTensors<T>& tensors_;
    std::int64_t image_ = 0, channel_ = 0;
};

template <class T, bool nhwc, bool maximum>
void gather_any(const kernels::Pool2dProblem& problem, const kernels::Pool2dTensors<T>& tensors,
                const kernels::Pool2dBox& box) {
    AnyGatherer<T, nhwc>(problem, tensors).template gather<maximum>(box);
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
