#include "ops/conv2d_exact_sums.hpp"

#include <cmath>

namespace backgrad::ops {

namespace {

using plan::Conv2dWeightPlan;
using plan::LaneFamily;
using plan::LaneSide;
using plan::PixelBox;
using plan::Range;

/// The sum for one element of grad_weight: the chain of a vector ISA's register tile.
template <class T>
T sum_of(const plan::Conv2dProblem& p, const PixelBox& box, const TensorView<const T>& grad_output,
         std::int64_t out_channel, const TensorView<const T>& input, const WeightPlace& place) {
    const Range rows = plan::overlap(plan::valid_rows(p, place.row), {box.row_begin, box.row_end});
    const Range columns = plan::overlap(plan::valid_columns(p, place.column), {box.column_begin, box.column_end});
    T sum = 0;
    for (std::int64_t n = box.image_begin; n < box.image_end; ++n)
        for (std::int64_t y = rows.begin; y < rows.end; ++y)
            for (std::int64_t x = columns.begin; x < columns.end; ++x)
                sum = std::fma(*grad_output.at(n, out_channel, y, x),
                               *input.at(n, place.channel, p.input_row(y, place.row), p.input_column(x, place.column)),
                               sum);
    return sum;
}

}  // namespace

WeightPlace patch_place(const plan::Conv2dProblem& p, std::int64_t index) {
    const std::int64_t channel = p.weight_ohwi ? index % p.in_channels : index / p.taps();
    const std::int64_t tap = p.weight_ohwi ? index / p.in_channels : index % p.taps();
    return {channel, tap / p.kernel_width, tap % p.kernel_width};
}

template <class T>
void add_exact_sums(const Conv2dContext<T>& context, const Conv2dWeightPlan& plan, const Conv2dWeightPlan::Block& block,
                    const PixelBox& box, kernels::Finish finish, T* total) {
    const plan::Conv2dProblem& p = context.problem;
    const TensorView<const T> grad_output = context.grad_output(block.group), input = context.input(block.group);
    const Range lanes = plan.lane_block(block.lanes), rows = plan.row_block(block.rows);
    const plan::LaneTiles tiles{lanes.size(), plan.block_tiles.vectors, plan.block_tiles.lanes};
    const std::int64_t taps = plan.problem.taps();
    if (finish == kernels::Finish::store) context.kernels.pack->clear(total, tiles.padded() * rows.size() * taps);
    const bool lanes_out = plan.side == LaneSide::grad_output;
    for (std::int64_t l = 0; l < lanes.size(); ++l) {
        const std::int64_t tile = l / tiles.width(), width = std::int64_t(tiles.vectors_of(tile)) * tiles.lanes;
        T* const to = total + tile * tiles.width() * rows.size() * taps + l % tiles.width();
        for (std::int64_t tap = 0; tap < taps; ++tap)
            for (std::int64_t r = 0; r < rows.size(); ++r) {
                const std::int64_t lane = lanes.begin + l, row = rows.begin + r;
                const std::int64_t from_input = lanes_out ? row : lane;
                const WeightPlace place =
                    plan.family == LaneFamily::patches
                        ? patch_place(p, from_input)
                        : WeightPlace{from_input % p.in_channels, tap, from_input / p.in_channels};
                to[(tap * rows.size() + r) * width] +=
                    sum_of(p, box, grad_output, lanes_out ? lane : row, input, place);
            }
    }
}

template void add_exact_sums<float>(const Conv2dContext<float>&, const Conv2dWeightPlan&,
                                    const Conv2dWeightPlan::Block&, const PixelBox&, kernels::Finish, float*);
template void add_exact_sums<double>(const Conv2dContext<double>&, const Conv2dWeightPlan&,
                                     const Conv2dWeightPlan::Block&, const PixelBox&, kernels::Finish, double*);

}  // namespace backgrad::ops
