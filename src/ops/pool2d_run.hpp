#pragma once

#include "isa/isa.hpp"
#include "kernels/pool2d_kernels.hpp"
#include "ops/pool2d_gather.hpp"
#include "plan/pool2d_plan.hpp"

#include <backgrad/executor.hpp>
#include <backgrad/pool2d.hpp>

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace backgrad {

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
    /// See Pool2dGather.
    std::int64_t planes_of_line() const noexcept { return gather_ ? gather_->planes_of_line() : 0; }
    std::int64_t channels_of_line() const noexcept { return gather_ ? gather_->channels_of_line() : 1; }
    void run(const kernels::Pool2dTensors<T>& tensors) const noexcept;

private:
    /// Fills strategy_, table_ and executor_; returns how the tasks are cut.
    Partition choose_strategy(std::string_view operation, Layout layout, const Strategy& asked);

    Strategy strategy_;
    std::shared_ptr<Executor> executor_;
    const kernels::Pool2dKernels<T>* table_ = nullptr;
    std::vector<plan::Pool2dTask> tasks_;
    std::optional<Pool2dGather<T>> gather_;             ///< by windows
    kernels::Pool2dKernel<T> global_kernel_ = nullptr;  ///< global average
    kernels::Pool2dProblem global_{};
};

extern template class Pool2dRun<float>;
extern template class Pool2dRun<double>;

}  // namespace backgrad
