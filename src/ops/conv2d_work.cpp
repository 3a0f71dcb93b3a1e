#include "ops/conv2d_work.hpp"

#include "isa/isa.hpp"
#include "ops/conv2d_tiles.hpp"
#include "ops/conv2d_validate.hpp"
#include "plan/conv2d_work.hpp"
#include "threads/make_executor.hpp"

namespace backgrad::ops {

template <class T>
plan::Work conv2d_work(const Conv2dShape& shape, const Conv2dBackwardOptions& options) {
    validate_conv2d(shape, options, sizeof(T));
    const Strategy strategy = threads::resolve(options.strategy);
    const plan::Conv2dTiles tiles = conv2d_tiles(isa::table(isa::resolve(strategy.isa)).template conv2d<T>());
    const plan::Conv2dProblem problem = plan::make_problem(shape, options);
    const plan::Conv2dPlan plan = plan::plan_conv2d(problem, options.gradients, tiles, sizeof(T), strategy);
    return plan::conv2d_work(problem, plan, tiles.dense, sizeof(T));
}

template plan::Work conv2d_work<float>(const Conv2dShape&, const Conv2dBackwardOptions&);
template plan::Work conv2d_work<double>(const Conv2dShape&, const Conv2dBackwardOptions&);

}  // namespace backgrad::ops
