#include "ops/pool2d_run.hpp"
#include "ops/validate.hpp"

#include <backgrad/pool2d.hpp>

namespace backgrad {
namespace {

void validate_shape(const GlobalAvgPool2dShape& shape, std::int64_t element_bytes) {
    validate::require_non_negative("batch", shape.batch);
    validate::require_non_negative("channels", shape.channels);
    validate::require_non_negative("in_height", shape.in_height);
    validate::require_non_negative("in_width", shape.in_width);
    validate::checked_product("in_height * in_width", {shape.in_height, shape.in_width});
    validate::checked_elements("grad_output", {shape.batch, shape.channels}, element_bytes);
    validate::checked_elements("input", {shape.batch, shape.channels, shape.in_height, shape.in_width}, element_bytes);
}

}  // namespace

template <class T>
struct GlobalAvgPool2dBackward<T>::Implementation {
    Implementation(const GlobalAvgPool2dShape& shape, const GlobalAvgPool2dBackwardOptions& options)
        : reads_gradient(options.gradient == GlobalAverageGradient::full),
          input_elements(shape.batch * shape.channels * shape.in_height * shape.in_width),
          reciprocal(input_elements > 0 ? static_cast<T>(1.0 / static_cast<double>(shape.in_height * shape.in_width))
                                        : T(0)),
          run("global_avg_pool2d_backward", shape, options.layout, options.grad_input_mode, options.strategy) {}

    bool reads_gradient;
    std::int64_t input_elements;
    T reciprocal;
    Pool2dRun<T> run;
};

template <class T>
GlobalAvgPool2dBackward<T>::GlobalAvgPool2dBackward(const GlobalAvgPool2dShape& shape,
                                                    const GlobalAvgPool2dBackwardOptions& options) {
    validate_shape(shape, sizeof(T));
    implementation_ = std::make_unique<Implementation>(shape, options);
}

template <class T>
GlobalAvgPool2dBackward<T>::~GlobalAvgPool2dBackward() = default;
template <class T>
GlobalAvgPool2dBackward<T>::GlobalAvgPool2dBackward(GlobalAvgPool2dBackward&&) noexcept = default;
template <class T>
GlobalAvgPool2dBackward<T>& GlobalAvgPool2dBackward<T>::operator=(GlobalAvgPool2dBackward&&) noexcept = default;

template <class T>
void GlobalAvgPool2dBackward<T>::execute(const GlobalAvgPool2dBackwardArguments<T>& arguments) const {
    const Implementation& self = *implementation_;
    if (self.reads_gradient) validate::require_pointer("grad_output", arguments.grad_output, self.input_elements);
    validate::require_pointer("grad_input", arguments.grad_input, self.input_elements);
    kernels::Pool2dTensors<T> tensors{};
    tensors.grad_output = self.reads_gradient ? arguments.grad_output : nullptr;
    tensors.grad_input = arguments.grad_input;
    tensors.reciprocal = self.reciprocal;
    self.run.run(tensors);
}

template <class T>
const Strategy& GlobalAvgPool2dBackward<T>::strategy() const noexcept {
    return implementation_->run.strategy();
}

template class GlobalAvgPool2dBackward<float>;
template class GlobalAvgPool2dBackward<double>;

}  // namespace backgrad
