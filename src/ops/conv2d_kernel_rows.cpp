#include "ops/conv2d_kernel_rows.hpp"

#include <algorithm>

namespace backgrad::ops {

template <class T>
Place pack_kernel_rows(const Conv2dContext<T>& context, const TensorView<const T>& input, const plan::PixelBox& box,
                       const Window& window, T* panel) {
    const plan::Conv2dProblem& p = context.problem;
    const auto& pack = *context.kernels.pack;
    const std::int64_t channels = p.in_channels, columns = plan::kernel_row_columns(p, box.columns());
    const std::int64_t pitch = columns * channels, lines = window.images * window.rows.count;
    const std::int64_t left = p.input_column(box.column_begin, 0);
    const std::int64_t begin = std::clamp<std::int64_t>(-left, 0, columns);
    const std::int64_t end = std::clamp(p.in_width - left, begin, columns);
    pack.clear_columns(panel, pitch, lines, begin * channels);
    pack.clear_columns(panel + end * channels, pitch, lines, (columns - end) * channels);
    for (std::int64_t n = 0; n < window.images && begin < end; ++n) {
        const T* from = input.at(window.image_begin + n, 0, window.rows.begin, left + begin);
        const std::int64_t row = window.rows.step * input.row;
        T* to = panel + n * window.rows.count * pitch + begin * channels;
        if (input.pixel == channels && input.channel == 1) {
            pack.copy(from, row, 1, window.rows.count, (end - begin) * channels, to, pitch);
            continue;
        }
        for (std::int64_t y = 0; y < window.rows.count; ++y, from += row, to += pitch)
            if (input.channel == 1) pack.copy(from, input.pixel, 1, end - begin, channels, to, channels);
            else pack.interleave(from, input.channel, channels, end - begin, to);
    }
    return {window, window.rows.count * pitch, pitch, p.stride_width * channels};
}

bool pads_columns(const plan::Conv2dProblem& p) {
    return p.padding_left > 0 || p.input_column(p.out_width - 1, p.kernel_width - 1) >= p.in_width;
}

template Place pack_kernel_rows(const Conv2dContext<float>&, const TensorView<const float>&, const plan::PixelBox&,
                                const Window&, float*);
template Place pack_kernel_rows(const Conv2dContext<double>&, const TensorView<const double>&, const plan::PixelBox&,
                                const Window&, double*);

}  // namespace backgrad::ops
