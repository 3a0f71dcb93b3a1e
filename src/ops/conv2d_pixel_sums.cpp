#include "ops/conv2d_pixel_sums.hpp"

#include "ops/conv2d_planes.hpp"

#include <algorithm>
#include <utility>

namespace backgrad::ops {

using kernels::DotKernels;
using kernels::Run;
using plan::PixelBox;
using plan::PixelPanels;
using plan::Range;

template <class T>
PixelSums<T>::PixelSums(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan, std::int64_t group,
                        Range channels, Scratch<T>& scratch)
    : context_(context),
      plan_(plan),
      grad_output_(context.grad_output(group)),
      input_(context.input(group)),
      channels_(channels),
      sizes_(plan::pixel_panels(context.problem, plan.passes.images, plan.passes.rows, plan.passes.columns)),
      outputs_(context.problem.in_channels * context.problem.taps()),
      tiles_(plan::choose_dot_tiles(channels.size(), outputs_, context.kernels.dot->rows_limit,
                                    DotKernels<T>::max_columns)) {
    if (!plan.reads_grad_output_in_place()) output_panel_ = scratch.take(plan.rows_per_block * sizes_.output_plane);
    input_panel_ = scratch.take(context.problem.in_channels * sizes_.input_plane + sizes_.pitch + chains);
    line_ = scratch.take(sizes_.pitch + chains);
    state_ = scratch.take(sums() * chains);
    offsets_ =
        reinterpret_cast<std::ptrdiff_t*>(scratch.take(plan::Conv2dWeightPlan::count_elements(outputs_, sizeof(T))));
    list_offsets();
}

template <class T>
void PixelSums<T>::list_offsets() {
    const plan::Conv2dProblem& p = context_.problem;
    for (std::int64_t tap = 0; tap < p.taps(); ++tap) {
        const std::int64_t first = tap_offset(p, sizes_, 0, tap / p.kernel_width, tap % p.kernel_width);
        for (std::int64_t i = 0; i < p.in_channels; ++i) offsets_[i * p.taps() + tap] = first + i * sizes_.input_plane;
    }
}

template <class T>
void PixelSums<T>::clear() {
    context_.kernels.pack->clear(state_, sums() * chains);
}

template <class T>
void PixelSums<T>::bring(const PixelBox& pass) {
    pass_ = pass;
    pack_input_planes(context_, input_, pass, sizes_, input_panel_);
    planes_ = output_planes(pass);
}

/// In the tensor itself where rows are runs and lie in one piece, else in the panel, with zeros behind each row where
/// images are runs.
template <class T>
TensorView<const T> PixelSums<T>::output_planes(const PixelBox& pass) const {
    const T* from = grad_output_.at(pass.image_begin, channels_.begin, pass.row_begin, pass.column_begin);
    if (plan_.reads_grad_output_in_place())
        return {from, grad_output_.image, grad_output_.channel, grad_output_.row, 1};
    const auto& pack = *context_.kernels.pack;
    if (plan_.runs == plan::PixelRuns::images)
        pack.clear_columns(output_panel_ + pass.columns(), sizes_.pitch,
                           channels_.size() * sizes_.output_plane / sizes_.pitch, sizes_.pitch - pass.columns());
    for (std::int64_t n = 0; n < pass.images(); ++n)
        move_to_planes(pack, grad_output_, from + n * grad_output_.image, channels_.size(),
                       {pass.rows(), 1, pass.columns(), 1}, output_panel_ + n * sizes_.output_image, sizes_.pitch,
                       sizes_.output_plane);
    return {output_panel_, sizes_.output_image, sizes_.output_plane, sizes_.pitch, 1};
}

/// What lies between the rows of an image is zero in the panel of grad_output, so that they may be one run.
template <class T>
void PixelSums<T>::add(PrefetchList<T>& prefetch) {
    constexpr std::int64_t capacity = 64;
    const bool whole = plan_.runs == plan::PixelRuns::images;
    const std::int64_t rows = whole ? 1 : pass_.rows(), size = whole ? pass_.rows() * sizes_.pitch : pass_.columns();
    Run runs[capacity];
    std::int64_t count = 0;
    for (std::int64_t n = 0; n < pass_.images(); ++n)
        for (std::int64_t y = 0; y < rows; ++y) {
            runs[count++] = {n * planes_.image + y * planes_.row, n * sizes_.input_image + y * sizes_.pitch, size};
            if (count == capacity) add_runs(runs, std::exchange(count, 0), prefetch);
        }
    if (count > 0) add_runs(runs, count, prefetch);
}

template <class T>
void PixelSums<T>::add_runs(const Run* runs, std::int64_t count, PrefetchList<T>& prefetch) const {
    const std::int64_t lines = plan::ceil_div(prefetch.lines(), tiles_.count());
    tiles_.for_each(channels_.size(), outputs_, [&](Range rows, Range outputs) {
        prefetch.fetch(lines);
        context_.kernels.dot->function[rows.size()][outputs.size()](
            {planes_.data + rows.begin * planes_.channel, planes_.channel, input_panel_, offsets_ + outputs.begin, runs,
             count},
            state_ + (rows.begin * outputs_ + outputs.begin) * chains, outputs_ * chains);
    });
}

template <class T>
void PixelSums<T>::add_valid() {
    const plan::Conv2dProblem& p = context_.problem;
    for (std::int64_t tap = 0; tap < p.taps(); ++tap) {
        const std::int64_t r = tap / p.kernel_width, c = tap % p.kernel_width;
        const Range valid = plan::valid_columns(p, c);
        const std::int64_t begin = std::max(valid.begin, pass_.column_begin) - pass_.column_begin;
        const std::int64_t size = std::min(valid.end, pass_.column_end) - pass_.column_begin - begin;
        for (std::int64_t n = 0; n < pass_.images() && size > 0; ++n)
            for (std::int64_t y = 0; y < pass_.rows(); ++y) {
                const std::int64_t in_y = p.input_row(pass_.row_begin + y, r);
                if (in_y < 0 || in_y >= p.in_height) continue;
                const T* from = input_panel_ + n * sizes_.input_image + y * sizes_.pitch + begin;
                for (std::int64_t i = 0; i < p.in_channels; ++i)
                    add_alone(n * planes_.image + y * planes_.row + begin, i * p.taps() + tap, from, size);
            }
    }
}

/// Adds a stretch of a row for one of the outputs of each row of the block, with zeros behind the input.
template <class T>
void PixelSums<T>::add_alone(std::ptrdiff_t at, std::int64_t output, const T* input, std::int64_t size) const {
    const auto& pack = *context_.kernels.pack;
    pack.copy(input + offsets_[output], 0, 1, 1, size, line_, 0);
    pack.clear(line_ + size, chains);
    const std::ptrdiff_t column = 0;
    const Run run{at, 0, size};
    for (std::int64_t o = 0; o < channels_.size(); ++o)
        context_.kernels.dot->function[1][1](
            {planes_.data + o * planes_.channel, planes_.channel, line_, &column, &run, 1},
            state_ + (o * outputs_ + output) * chains, outputs_ * chains);
}

template <class T>
bool PixelSums<T>::finite() const {
    return context_.kernels.pack->copy(state_, 0, 1, 1, sums() * chains, state_, 0);
}

template <class T>
void PixelSums<T>::join_into(T* total) const {
    context_.kernels.dot->join(state_, sums(), total);
}

template class PixelSums<float>;
template class PixelSums<double>;

}  // namespace backgrad::ops
