#pragma once

#include <backgrad/conv2d.hpp>

#include <cstddef>
#include <cstdint>

namespace backgrad::plan {

/// A validated convolution in the form that plans and kernels think in: sizes per group, paddings as offsets.
struct Conv2dProblem {
    Layout layout;
    bool weight_ohwi;
    bool rotated_kernel;
    std::int64_t batch, groups;
    std::int64_t images;                     ///< of the tensors; a canonical batch may hold them in one row
    std::int64_t in_channels, out_channels;  ///< per group
    std::int64_t in_height, in_width;
    std::int64_t out_height, out_width;                  ///< windows that lie where the formula puts them
    std::int64_t grad_output_height, grad_output_width;  ///< of the tensor; larger only for the rotated kernel
    std::int64_t kernel_height, kernel_width;
    std::int64_t stride_height, stride_width;
    std::int64_t padding_top, padding_left;
    std::int64_t dilation_height, dilation_width;

    std::int64_t taps() const { return kernel_height * kernel_width; }
    std::int64_t pixels_in() const { return in_height * in_width; }
    std::int64_t pixels_out() const { return out_height * out_width; }
    std::int64_t weight_elements() const { return groups * out_channels * in_channels * taps(); }
    std::int64_t input_elements() const { return batch * groups * in_channels * pixels_in(); }
    std::int64_t output_elements() const {
        return batch * groups * out_channels * grad_output_height * grad_output_width;
    }
    bool depthwise() const { return in_channels == 1 && out_channels == 1; }
    bool strided() const { return stride_height > 1 || stride_width > 1; }
    /// Whether each input pixel meets one window at most.
    bool windows_apart() const {
        return stride_height > (kernel_height - 1) * dilation_height &&
               stride_width > (kernel_width - 1) * dilation_width;
    }

    /// Input coordinate of output row `y` and kernel row `r`; it may lie outside the input.
    std::int64_t input_row(std::int64_t y, std::int64_t r) const {
        return y * stride_height - padding_top + r * dilation_height;
    }
    std::int64_t input_column(std::int64_t x, std::int64_t c) const {
        return x * stride_width - padding_left + c * dilation_width;
    }
};

/// The half-open range of positions o in [0, outputs) for which o * stride + offset lies in [0, inputs).
struct Range {
    std::int64_t begin, end;

    std::int64_t size() const { return end > begin ? end - begin : 0; }
};
Range valid_outputs(std::int64_t outputs, std::int64_t inputs, std::int64_t stride, std::int64_t offset);

inline Range overlap(const Range& a, const Range& b) {
    return {a.begin > b.begin ? a.begin : b.begin, a.end < b.end ? a.end : b.end};
}

/// The output rows and columns whose input of a kernel row or column exists.
Range valid_rows(const Conv2dProblem& problem, std::int64_t kernel_row);
Range valid_columns(const Conv2dProblem& problem, std::int64_t kernel_column);

/// Cuts [0, size) into `parts` ranges whose lengths differ by at most one; part p of them. Long and short ranges
/// alternate, so that neighbours together are even, too: a worker's share of the tasks is a row of neighbours.
Range share(std::int64_t size, std::int64_t parts, std::int64_t p);

/// As few such parts of [0, size) as hold at most `most` each, one after the other: inner loops have no time to divide.
/// No elements are one part, too.
class EvenParts {
public:
    EvenParts(std::int64_t size, std::int64_t most) : parts_(size <= most ? 1 : (size + most - 1) / most) {
        if (parts_ == 1) small_ = size;
        else small_ = size / parts_, larger_ = size % parts_;
    }

    template <class Visit>
    void for_each(Visit visit) const {
        std::int64_t begin = 0, rest = 0;
        for (std::int64_t part = 0; part < parts_; ++part) {
            rest += larger_;
            const bool longer = rest >= parts_;
            if (longer) rest -= parts_;
            const std::int64_t end = begin + small_ + int{longer};
            visit(Range{begin, end});
            begin = end;
        }
    }

private:
    std::int64_t parts_, small_ = 0, larger_ = 0;
};

/// The canonical problem of a valid shape: shapes that mean the same become one. An unpadded 1x1 convolution of stride
/// 1 does not know rows, so its image becomes one row of height * width pixels, and in NHWC its batch one image. A
/// window as large as the input is a dense layer: a 1x1 convolution with in_channels * taps channels. In NHWC, windows
/// side by side have one column of kernel_width * in_channels channels. Images of one channel on both sides are NCHW.
Conv2dProblem make_problem(const Conv2dShape& shape, const Conv2dBackwardOptions& options);

/// True for an unpadded 1x1 convolution of any stride whose windows reach the last pixels: each pixel of grad_output
/// meets one pixel of the input, the first of a cell of stride_height x stride_width, and the cells cover the image.
bool meets_single_pixels(const Conv2dProblem& problem);

/// True for an unpadded 1x1 convolution of stride 1.
bool is_pointwise(const Conv2dProblem& problem);

/// Channels of a group where a vector's lanes are channels of whole groups, and the gradients those of a
/// Conv2dDepthwisePlan: 1 for a depthwise convolution; 2, 4 or 8, *narrow groups*, where groups have as many channels
/// on both sides, which fill at most half of 64 bytes, and there are more taps than one and channels for 64 bytes; else
/// 0. It decides the order of additions, so it knows nothing of the ISA.
std::int64_t lane_group(const Conv2dProblem& problem, std::size_t element_bytes);

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
inline std::int64_t round_up(std::int64_t a, std::int64_t b) { return ceil_div(a, b) * b; }

}  // namespace backgrad::plan
