#pragma once

#include "kernels/conv2d_kernels.hpp"
#include "plan/conv2d_problem.hpp"

#include <backgrad/conv2d.hpp>
#include <backgrad/executor.hpp>

#include <memory>

namespace backgrad::ops {

/// What a convolution's plan is made from: the validated problem and what this machine brings.
template <class T>
struct Conv2dSetup {
    /// Validates everything. Throws Error.
    Conv2dSetup(const Conv2dShape& shape, const Conv2dBackwardOptions& asked);

    /// Throws Error for a null pointer; grad_output is not looked at.
    void check(const Conv2dBackwardArguments<T>& arguments) const;

    /// Whether the tensors outgrow the cache, of which others want their share, too.
    bool exceeds_cache() const;

    /// Takes one thread instead of those that were chosen.
    void use_calling_thread();

    Conv2dBackwardOptions options;
    plan::Conv2dProblem problem;
    Strategy strategy;  ///< as resolved
    std::shared_ptr<Executor> executor;
    const kernels::Conv2dKernels<T>* kernels;
};

extern template struct Conv2dSetup<float>;
extern template struct Conv2dSetup<double>;

}  // namespace backgrad::ops
