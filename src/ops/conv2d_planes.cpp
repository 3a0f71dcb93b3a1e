#include "ops/conv2d_planes.hpp"

namespace backgrad::ops {

using plan::PixelBox;
using plan::PixelPanels;

namespace {

/// Along one axis, the positions of a phase: number i of it is position origin + i * stride, for i in `numbers`.
struct Phase {
    std::int64_t origin, stride;
    plan::Range numbers;

    Phase(std::int64_t first, std::int64_t size, std::int64_t step, std::int64_t count)
        : origin(first), stride(step), numbers(plan::valid_outputs(count, size, step, first)) {}
    std::int64_t begin() const { return origin + numbers.begin * stride; }
};

}  // namespace

template <class T>
bool pack_input_planes(const Conv2dContext<T>& context, const TensorView<const T>& input, const PixelBox& box,
                       const PixelPanels& sizes, T* panel) {
    const plan::Conv2dProblem& p = context.problem;
    const auto& pack = *context.kernels.pack;
    // Tiles and patches are read by whole vectors.
    pack.clear(panel, p.in_channels * sizes.input_plane + sizes.pitch + kernels::DotKernels<T>::chains);
    // Channels that lie in one piece are read one after the other; all column phases find their rows in the L1 cache.
    const std::int64_t at_once = input.channel == 1 ? p.in_channels : 1;
    const std::int64_t top = box.row_begin * p.stride_height - p.padding_top;
    const std::int64_t left = box.column_begin * p.stride_width - p.padding_left;
    const auto columns_of = [&](std::int64_t phase) {
        return Phase(left + phase, p.in_width, p.stride_width, sizes.pitch);
    };
    const Phase first_columns = columns_of(0);
    bool finite = true;
    for (std::int64_t row_phase = 0; row_phase < p.stride_height; ++row_phase) {
        const Phase rows(top + row_phase, p.in_height, p.stride_height, sizes.input_rows);
        if (rows.numbers.size() == 0) continue;
        for (std::int64_t n = 0; n < box.images(); ++n)
            for (std::int64_t c = 0; c < p.in_channels; c += at_once)
                for (std::int64_t column_phase = 0; column_phase < p.stride_width; ++column_phase) {
                    const Phase columns = column_phase == 0 ? first_columns : columns_of(column_phase);
                    if (columns.numbers.size() == 0) continue;
                    T* to = panel + n * sizes.input_image + c * sizes.input_plane +
                            (row_phase * p.stride_width + column_phase) * sizes.input_phase +
                            rows.numbers.begin * sizes.pitch + columns.numbers.begin;
                    finite &= move_to_planes(
                        pack, input, input.at(box.image_begin + n, c, rows.begin(), columns.begin()), at_once,
                        {rows.numbers.size(), p.stride_height, columns.numbers.size(), p.stride_width}, to, sizes.pitch,
                        sizes.input_plane);
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
