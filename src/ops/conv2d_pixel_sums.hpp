#pragma once

#include "ops/conv2d_context.hpp"
#include "ops/conv2d_prefetch.hpp"
#include "plan/conv2d_weight_plan.hpp"
#include "plan/dot_tiles.hpp"

namespace backgrad::ops {

/// The sums of a block of grad_weight with pixels as lanes, pass by pass, as chains [row][input channel][tap][chain].
template <class T>
class PixelSums {
public:
    PixelSums(const Conv2dContext<T>& context, const plan::Conv2dWeightPlan& plan, std::int64_t group,
              plan::Range channels, Scratch<T>& scratch);

    /// All sums = +0.
    void clear();
    /// Brings the operands of a pass to where the tiles read them, until the next is brought. The input goes into a
    /// panel with zeros for padding. grad_output may stay where it lies.
    void bring(const plan::PixelBox& pass);
    /// Adds the products of the pass. Padding is multiplied, too.
    void add(PrefetchList<T>& prefetch);
    /// Adds only those that exist: each tap runs over its own valid pixels.
    void add_valid();
    /// Whether all sums are finite. If not, a zero of the padding may have met a value that is not.
    bool finite() const;
    /// total[row][input channel][tap] += the sums.
    void join_into(T* total) const;

private:
    static constexpr std::int64_t chains = kernels::DotKernels<T>::chains;

    void list_offsets();
    TensorView<const T> output_planes(const plan::PixelBox& pass) const;
    void add_runs(const kernels::Run* runs, std::int64_t count, PrefetchList<T>& prefetch) const;
    void add_alone(std::ptrdiff_t at, std::int64_t output, const T* input, std::int64_t size) const;
    std::int64_t sums() const { return channels_.size() * outputs_; }

    const Conv2dContext<T>& context_;
    const plan::Conv2dWeightPlan& plan_;
    const TensorView<const T> grad_output_, input_;
    const plan::Range channels_;
    const plan::PixelPanels sizes_;  ///< of the largest pass
    const std::int64_t outputs_;     ///< of one output channel
    const plan::DotTiles tiles_;
    T* output_panel_ = nullptr;
    T* input_panel_;
    T* line_;  ///< a row of input with zeros behind it
    T* state_;
    std::ptrdiff_t* offsets_;     ///< of each output's operand in the input's panel
    plan::PixelBox pass_{};       ///< what was brought
    TensorView<const T> planes_;  ///< its grad_output, channels first
};

}  // namespace backgrad::ops
