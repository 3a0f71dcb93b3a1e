#include "ops/conv2d_patches.hpp"

#include "ops/conv2d_exact_sums.hpp"
#include "ops/conv2d_kernel_rows.hpp"
#include "ops/conv2d_planes.hpp"

#include <algorithm>

namespace backgrad::ops {

using kernels::DotKernels;
using plan::PixelBox;
using plan::PixelPanels;
using plan::Range;

bool pads(const plan::Conv2dProblem& p) {
    return p.padding_top > 0 || p.input_row(p.out_height - 1, p.kernel_height - 1) >= p.in_height || pads_columns(p);
}

template <class T>
Patches<T>::Patches(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan, std::int64_t group,
                    Range lanes, Scratch<T> scratch)
    : context_(context), input_(context.input(group)), lanes_(lanes), rest_(scratch) {
    if (plan.family != plan::LaneFamily::patches) return;
    const plan::Segments& s = plan.segments;
    const PixelPanels largest = plan::pixel_panels(context.problem, s.images, plan::ceil_div(s.height, s.row_parts),
                                                   plan::ceil_div(s.width, s.column_parts));
    // The last row of the last phase is read up to the kernel's reach, and by whole vectors.
    input_panel_ =
        rest_.take(context.problem.in_channels * largest.input_plane + largest.pitch + DotKernels<T>::chains);
    offsets_ =
        reinterpret_cast<std::ptrdiff_t*>(rest_.take(plan::Conv2dWeightPlan::count_elements(lanes.size(), sizeof(T))));
}

template <class T>
void Patches<T>::list_offsets(const PixelPanels& sizes) {
    if (sizes.pitch == offsets_pitch_ && sizes.input_phase == offsets_phase_ && sizes.input_plane == offsets_plane_)
        return;
    const plan::Conv2dProblem& p = context_.problem;
    for (std::int64_t i = 0; i < lanes_.size(); ++i) {
        const WeightPlace place = patch_place(p, lanes_.begin + i);
        offsets_[i] = tap_offset(p, sizes, place.channel, place.row, place.column);
    }
    offsets_pitch_ = sizes.pitch;
    offsets_phase_ = sizes.input_phase;
    offsets_plane_ = sizes.input_plane;
}

template <class T>
void Patches<T>::pack(const PixelBox& box, const plan::LaneTiles& tiles, T* panel) {
    const plan::Conv2dProblem& p = context_.problem;
    const PixelPanels sizes = plan::pixel_panels(p, box.images(), box.rows(), box.columns());
    pack_input_planes(context_, input_, box, sizes, input_panel_);
    list_offsets(sizes);
    for (std::int64_t tile = 0; tile < tiles.count(); ++tile) {
        const std::int64_t width = std::int64_t(tiles.vectors_of(tile)) * tiles.lanes, first = tile * tiles.width();
        for (std::int64_t n = 0; n < box.images(); ++n)
            for (std::int64_t y = 0; y < box.rows(); ++y, panel += box.columns() * width)
                context_.kernels.pack->gather_rows(input_panel_ + n * sizes.input_image + y * sizes.pitch,
                                                   offsets_ + first, std::min(width, lanes_.size() - first),
                                                   box.columns(), panel, width);
    }
}

template class Patches<float>;
template class Patches<double>;

}  // namespace backgrad::ops
