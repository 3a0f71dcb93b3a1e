#pragma once

#include "ops/conv2d_context.hpp"
#include "plan/conv2d_weight_plan.hpp"

namespace backgrad::ops {

/// The lane operand of a weight gradient whose lanes are patches: for each output pixel the inputs that meet its
/// window, of all input channels and kernel taps. Padding is zeros in a patch.
template <class T>
class Patches {
public:
    /// For the lanes of one block of grad_weight. Takes memory from `scratch` only for a plan with patches.
    Patches(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan, std::int64_t group, plan::Range lanes,
            Scratch<T> scratch);

    /// The scratch memory behind what patches need.
    Scratch<T> rest() const { return rest_; }

    /// Fills one panel [pixel][lane] per lane tile.
    void pack(const plan::PixelBox& box, const plan::LaneTiles& tiles, T* panel);

private:
    void list_offsets(const plan::PixelPanels& sizes);
    const Conv2dContext<T>& context_;
    const TensorView<const T> input_;
    const plan::Range lanes_;
    Scratch<T> rest_;
    T* input_panel_ = nullptr;
    std::ptrdiff_t* offsets_ = nullptr;  ///< of each lane, in the panel of the input
    std::int64_t offsets_pitch_ = -1, offsets_phase_ = -1, offsets_plane_ = -1;  ///< the panel they are for
};

/// Whether any output meets padding.
bool pads(const plan::Conv2dProblem& problem);

}  // namespace backgrad::ops
