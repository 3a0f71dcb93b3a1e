#pragma once

#include "isa/isa.hpp"
#include "kernels/pool2d_kernels.hpp"
#include "plan/pool2d_lines.hpp"
#include "plan/pool2d_plan.hpp"

#include <backgrad/executor.hpp>
#include <backgrad/pool2d.hpp>

#include <memory>
#include <string_view>
#include <vector>

namespace backgrad {

/// Throws Error unless the shape is one that pooling can do; `element_bytes` is that of the tensors.
void validate_pool2d(const Pool2dShape& shape, std::int64_t element_bytes);

/// Elements of the tensors of a validated shape.
std::int64_t pool2d_input_elements(const Pool2dShape& shape);
std::int64_t pool2d_output_elements(const Pool2dShape& shape);

/// What the poolings have in common: the strategy, the tasks, and the kernel that runs them.
template <class T>
class Pool2dRun {
public:
    Pool2dRun(std::string_view operation, const Pool2dShape& shape, Layout layout, WriteMode mode,
              const Strategy& strategy, plan::Pool2dReads reads);

    /// Global average pooling.
    Pool2dRun(std::string_view operation, const GlobalAvgPool2dShape& shape, Layout layout, WriteMode mode,
              const Strategy& strategy);

    const Strategy& strategy() const noexcept { return strategy_; }
    /// Planes of NCHW that are computed as one run of elements; 0 where rows are.
    std::int64_t planes_of_line() const noexcept { return lines_.planes; }
    void run(const kernels::Pool2dTensors<T>& tensors) const noexcept;

private:
    /// Fills strategy_, table_ and executor_; returns how the tasks are cut.
    Partition choose_strategy(std::string_view operation, Layout layout, const Strategy& asked);
    /// Completes the plan of a pooling by windows and takes the kernel that can run it.
    void plan_nchw(const Pool2dShape& shape, plan::Pool2dReads reads);
    void plan_nhwc(const Pool2dShape& shape, plan::Pool2dReads reads);
    void point_to_plan();
    plan::Pool2dKernelLimits limits() const;

    Strategy strategy_;
    std::shared_ptr<Executor> executor_;
    const kernels::Pool2dKernels<T>* table_ = nullptr;
    kernels::Pool2dKernel<T> kernel_ = nullptr;
    plan::Pool2dCovers rows_, columns_;
    plan::Pool2dLines lines_;
    std::vector<plan::Pool2dTask> tasks_;
    kernels::Pool2dProblem problem_{};
};

extern template class Pool2dRun<float>;
extern template class Pool2dRun<double>;

}  // namespace backgrad
