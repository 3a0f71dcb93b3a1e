#pragma once

#include "plan/work.hpp"

#include <backgrad/conv2d.hpp>

namespace backgrad::ops {

/// The work of the plan that Conv2dBackward<T>(shape, options) makes, for predictions; makes no threads. Throws Error
/// as that does.
template <class T>
plan::Work conv2d_work(const Conv2dShape& shape, const Conv2dBackwardOptions& options);

}  // namespace backgrad::ops
