#include "ops/conv2d_setup.hpp"

#include "isa/isa.hpp"
#include "ops/conv2d_validate.hpp"
#include "ops/validate.hpp"
#include "threads/cache.hpp"
#include "threads/make_executor.hpp"

#include <cstdint>

namespace backgrad::ops {

template <class T>
Conv2dSetup<T>::Conv2dSetup(const Conv2dShape& shape, const Conv2dBackwardOptions& asked) : options(asked) {
    validate_conv2d(shape, options, sizeof(T));
    problem = plan::make_problem(shape, options);
    strategy = threads::resolve(options.strategy);
    strategy.isa = isa::resolve(strategy.isa);
    kernels = &isa::table(strategy.isa).template conv2d<T>();
    executor = threads::make_executor(strategy);
}

template <class T>
void Conv2dSetup<T>::check(const Conv2dBackwardArguments<T>& a) const {
    const Conv2dGradients& want = options.gradients;
    if (want.weight) {
        validate::require_pointer("input", a.input, problem.input_elements());
        validate::require_pointer("grad_weight", a.grad_weight, problem.weight_elements());
    }
    if (want.input) {
        validate::require_pointer("weight", a.weight, problem.weight_elements());
        validate::require_pointer("grad_input", a.grad_input, problem.input_elements());
    }
    if (want.bias) validate::require_pointer("grad_bias", a.grad_bias, problem.groups * problem.out_channels);
}

template <class T>
bool Conv2dSetup<T>::exceeds_cache() const {
    const std::int64_t elements =
        (options.gradients.weight ? 2 : 1) * problem.input_elements() + problem.output_elements();
    return threads::exceeds_last_level_cache(elements * static_cast<std::int64_t>(sizeof(T)));
}

template <class T>
void Conv2dSetup<T>::use_calling_thread() {
    strategy.threads = 1;
    executor = threads::make_executor(strategy);
}

template struct Conv2dSetup<float>;
template struct Conv2dSetup<double>;

}  // namespace backgrad::ops
