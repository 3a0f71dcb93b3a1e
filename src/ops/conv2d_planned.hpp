#pragma once

#include "ops/conv2d_setup.hpp"
#include "plan/conv2d_blockings.hpp"
#include "plan/conv2d_plan.hpp"

#include <backgrad/conv2d.hpp>

#include <cstddef>
#include <vector>

namespace backgrad::ops {

/// What Conv2dBackward holds. Measurements, which look inside, can choose the blocking.
template <class T>
class PlannedConv2d {
public:
    /// Throws Error as Conv2dBackward does. The blocking is one of `blockings` of the same shape and options; without
    /// one the models choose.
    PlannedConv2d(const Conv2dShape& shape, const Conv2dBackwardOptions& options,
                  const plan::Conv2dBlocking& blocking = {});

    /// Whether grad_input goes past the caches where it can; chosen by the size of the tensors.
    void set_streaming(bool streaming) noexcept;

    /// What the plan could have chosen for as many threads as it uses.
    std::vector<plan::KnownBlocking> blockings() const;

    const Strategy& strategy() const noexcept { return setup_.strategy; }
    std::size_t workspace_bytes() const noexcept;
    /// Throws Error before the first write.
    void execute(const Conv2dBackwardArguments<T>& arguments, void* workspace) const;

private:
    plan::Conv2dPlan make_plan(const plan::Conv2dBlocking& blocking) const;
    bool gains_by_threads() const;
    void check(const Conv2dBackwardArguments<T>& arguments, const void* workspace) const;
    void run(const Conv2dBackwardArguments<T>& arguments, T* workspace) const noexcept;

    Conv2dSetup<T> setup_;
    plan::Conv2dPlan plan_;
};

extern template class PlannedConv2d<float>;
extern template class PlannedConv2d<double>;

}  // namespace backgrad::ops
