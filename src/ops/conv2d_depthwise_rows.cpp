#include "ops/conv2d_depthwise_rows.hpp"

#include "plan/conv2d_depthwise_rows.hpp"
#include "threads/cache.hpp"

#include <algorithm>

namespace backgrad::ops {

namespace {

using plan::Range;

/// Some rows of outputs, of channel 0 on.
template <class T>
kernels::DepthwiseRowSums<T> make_work(const Conv2dContext<T>& context, bool with_input, const plan::PixelBox& box,
                                       const Range& rows) {
    const plan::Conv2dProblem& p = context.problem;
    const TensorView<const T> grad_output = context.grad_output(0), input = context.input(0);
    const std::int64_t first_row = p.input_row(rows.begin, 0), end_row = p.input_row(rows.end - 1, p.kernel_height);
    std::uint32_t exists = 0;
    for (std::int64_t y = first_row; y < end_row; ++y)
        if (y >= 0 && y < p.in_height) exists |= 1U << (y - first_row);
    const std::int64_t begin = box.column_begin, end = box.column_end, left = -p.padding_left;
    const auto all_exist = [&](std::int64_t tap) {
        return plan::valid_outputs(p.out_width, p.in_width, p.stride_width, left + tap);
    };
    const std::int64_t inner_begin = std::clamp(all_exist(0).begin, begin, end);
    return {grad_output.at(box.image_begin, 0, rows.begin, begin),
            grad_output.row,
            grad_output.pixel,
            with_input ? input.at(box.image_begin, 0, first_row, 0) : nullptr,
            input.row,
            input.pixel,
            p.in_width,
            p.input_column(begin, 0),
            rows.size(),
            end - begin,
            inner_begin - begin,
            std::clamp(all_exist(p.kernel_width - 1).end, inner_begin, end) - begin,
            exists,
            0,
            threads::exceeds_near_caches(context.tensor_bytes())};
}

}  // namespace

template <class T>
void RowSums<T>::add(const plan::PixelBox& box, const Range& units, T* weight, T* bias) const noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const auto& table = *context.kernels.depthwise->row;
    const std::int64_t blocks = plan::row_block_count(p, box);
    for (std::int64_t b = 0; b < blocks; ++b) {
        const Range rows = plan::row_block(p, box, b);
        kernels::DepthwiseRowSums<T> work = make_work(context, plan.gradients.weight, box, rows);
        const auto& functions =
            table.function[p.stride_width - 1][p.kernel_height / 2][p.kernel_width / 2][rows.size() - 1];
        const std::int64_t input_rows = (rows.size() - 1) * p.stride_height + p.kernel_height;
        const bool all_rows = work.input_exists == (1U << input_rows) - 1U;
        const T *grad_output = work.grad_output, *input = work.input;
        for (std::int64_t u = units.begin; u < units.end; ++u) {
            const Range channels = plan.unit_range({u, u + 1});
            work.channels = static_cast<int>(channels.size());
            work.grad_output = grad_output + channels.begin;
            T* unit_bias = bias + (u - units.begin) * plan.unit_channels;
            if (!plan.gradients.weight) {
                table.bias(work, unit_bias);
                continue;
            }
            work.input = input + channels.begin;
            const bool guarded = !all_rows || channels.size() < plan.unit_channels;
            functions[guarded](work, weight + (u - units.begin) * plan.weight_elements, unit_bias);
        }
    }
}

template struct RowSums<float>;
template struct RowSums<double>;

}  // namespace backgrad::ops
