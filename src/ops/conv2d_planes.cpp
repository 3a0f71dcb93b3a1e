#include "ops/conv2d_planes.hpp"

namespace backgrad::ops {

using plan::PixelBox;
using plan::PixelPanels;

template <class T>
bool pack_input_planes(const Conv2dContext<T>& context, const TensorView<const T>& input, const PixelBox& box,
                       const PixelPanels& sizes, T* panel) {
    const plan::Conv2dProblem& p = context.problem;
    const auto& pack = *context.kernels.pack;
    pack.clear(panel, p.in_channels * sizes.input_plane + sizes.pitch);
    const std::int64_t top = box.row_begin * p.stride_height - p.padding_top;
    const std::int64_t left = box.column_begin * p.stride_width - p.padding_left;
    bool finite = true;
    for (std::int64_t n = 0; n < box.images(); ++n)
        for (std::int64_t r = 0; r < sizes.input_rows * p.stride_height; ++r) {
            const std::int64_t y = top + r;
            if (y < 0 || y >= p.in_height) continue;
            for (std::int64_t phase = 0; phase < p.stride_width; ++phase) {
                // Panel column j of this phase is input column left + phase + j * stride_width.
                const plan::Range valid = plan::valid_outputs(sizes.pitch, p.in_width, p.stride_width, left + phase);
                if (valid.size() == 0) continue;
                const std::int64_t x = left + phase + valid.begin * p.stride_width;
                T* row = panel + n * sizes.input_image +
                         (r % p.stride_height * p.stride_width + phase) * sizes.input_phase +
                         r / p.stride_height * sizes.pitch;
                finite &= move_to_planes(pack, input, input.at(box.image_begin + n, 0, y, x), p.in_channels,
                                         valid.size(), p.stride_width, row + valid.begin, sizes.input_plane);
            }
        }
    return finite;
}

std::int64_t tap_offset(const plan::Conv2dProblem& p, const PixelPanels& sizes, std::int64_t channel, std::int64_t row,
                        std::int64_t column) {
    const std::int64_t y = row * p.dilation_height, x = column * p.dilation_width;
    const std::int64_t phase = y % p.stride_height * p.stride_width + x % p.stride_width;
    return channel * sizes.input_plane + phase * sizes.input_phase + y / p.stride_height * sizes.pitch +
           x / p.stride_width;
}

template bool pack_input_planes(const Conv2dContext<float>&, const TensorView<const float>&, const PixelBox&,
                                const PixelPanels&, float*);
template bool pack_input_planes(const Conv2dContext<double>&, const TensorView<const double>&, const PixelBox&,
                                const PixelPanels&, double*);

}  // namespace backgrad::ops
