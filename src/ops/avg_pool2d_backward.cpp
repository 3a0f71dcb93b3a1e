#include "ops/pool2d_reciprocals.hpp"
#include "ops/pool2d_run.hpp"
#include "ops/validate.hpp"

#include <backgrad/pool2d.hpp>

namespace backgrad {

template <class T>
struct AvgPool2dBackward<T>::Implementation {
    Implementation(const Pool2dShape& shape, const AvgPool2dBackwardOptions& options)
        : input_elements(pool2d_input_elements(shape)),
          output_elements(pool2d_output_elements(shape)),
          reciprocals(shape, options.padding),
          run("avg_pool2d_backward", shape, options.layout, options.grad_input_mode, options.strategy,
              plan::Pool2dReads::nothing) {
        reciprocals.repeat(shape.out_width(), run.planes_of_line(), run.channels_of_line());
    }

    std::int64_t input_elements, output_elements;
    Pool2dReciprocals<T> reciprocals;
    Pool2dRun<T> run;
};

template <class T>
AvgPool2dBackward<T>::AvgPool2dBackward(const Pool2dShape& shape, const AvgPool2dBackwardOptions& options) {
    validate_pool2d(shape, sizeof(T));
    implementation_ = std::make_unique<Implementation>(shape, options);
}

template <class T>
AvgPool2dBackward<T>::~AvgPool2dBackward() = default;
template <class T>
AvgPool2dBackward<T>::AvgPool2dBackward(AvgPool2dBackward&&) noexcept = default;
template <class T>
AvgPool2dBackward<T>& AvgPool2dBackward<T>::operator=(AvgPool2dBackward&&) noexcept = default;

template <class T>
void AvgPool2dBackward<T>::execute(const AvgPool2dBackwardArguments<T>& arguments) const {
    const Implementation& self = *implementation_;
    validate::require_pointer("grad_output", arguments.grad_output, self.output_elements);
    validate::require_pointer("grad_input", arguments.grad_input, self.input_elements);
    kernels::Pool2dTensors<T> tensors{};
    tensors.grad_output = arguments.grad_output;
    tensors.grad_input = arguments.grad_input;
    tensors.reciprocals = self.reciprocals.rows();
    tensors.line_reciprocals = self.reciprocals.line();
    self.run.run(tensors);
}

template <class T>
const Strategy& AvgPool2dBackward<T>::strategy() const noexcept {
    return implementation_->run.strategy();
}

template class AvgPool2dBackward<float>;
template class AvgPool2dBackward<double>;

}  // namespace backgrad
