#include "ops/conv2d_depthwise_row_input.hpp"

#include "threads/cache.hpp"

namespace backgrad::ops {

template <class T>
void compute_row_input(const Conv2dContext<T>& context, const plan::Conv2dDepthwisePlan& plan,
                       const plan::DepthwiseStrip& strip, const plan::Range& units, const T* weights,
                       WriteMode mode) noexcept {
    const plan::Conv2dProblem& p = context.problem;
    const plan::Range channels = plan.unit_range(units);
    const TensorView<const T> grad_output = context.grad_output(0);
    const TensorView<T> grad_input = context.grad_input(0);
    const kernels::DepthwiseRowInput<T> work{
        .grad_output = grad_output.at(strip.image, channels.begin, 0, 0),
        .grad_output_row = grad_output.row,
        .grad_output_pixel = grad_output.pixel,
        .grad_output_rows = p.out_height,
        .grad_output_columns = p.out_width,
        .weights = weights,
        .weight_unit = plan.weight_elements,
        .output = grad_input.at(strip.image, channels.begin, strip.target_rows.begin, 0),
        .output_row = grad_input.row,
        .output_pixel = grad_input.pixel,
        .first_row = strip.target_rows.begin,
        .rows = strip.target_rows.size(),
        .columns = p.in_width,
        .channels = channels.size(),
        .kernel_rows = p.kernel_height,
        .stride_rows = p.stride_height,
        .dilation_rows = p.dilation_height,
        .padding_top = p.padding_top,
        .padding_left = p.padding_left,
        .accumulate = mode == WriteMode::accumulate,
        .streaming = plan.streaming,
        .far = threads::exceeds_near_caches(context.tensor_bytes())};
    context.kernels.depthwise->row_input->function[p.stride_width - 1][p.kernel_width / 2 - 1](work);
}

template void compute_row_input<float>(const Conv2dContext<float>&, const plan::Conv2dDepthwisePlan&,
                                       const plan::DepthwiseStrip&, const plan::Range&, const float*,
                                       WriteMode) noexcept;
template void compute_row_input<double>(const Conv2dContext<double>&, const plan::Conv2dDepthwisePlan&,
                                        const plan::DepthwiseStrip&, const plan::Range&, const double*,
                                        WriteMode) noexcept;

}  // namespace backgrad::ops
