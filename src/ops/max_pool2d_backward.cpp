#include "ops/pool2d_run.hpp"
#include "ops/validate.hpp"

#include <backgrad/pool2d.hpp>

namespace backgrad {

template <class T>
struct MaxPool2dBackward<T>::Implementation {
    Implementation(const Pool2dShape& shape, const MaxPool2dBackwardOptions& options)
        : source(options.source),
          input_elements(pool2d_input_elements(shape)),
          output_elements(pool2d_output_elements(shape)),
          run("max_pool2d_backward", shape, options.layout, options.grad_input_mode, options.strategy,
              validate_max_pool_source(shape, source)) {}

    MaxPoolSource source;
    std::int64_t input_elements, output_elements;
    Pool2dRun<T> run;
};

template <class T>
MaxPool2dBackward<T>::MaxPool2dBackward(const Pool2dShape& shape, const MaxPool2dBackwardOptions& options) {
    validate_pool2d(shape, sizeof(T));
    implementation_ = std::make_unique<Implementation>(shape, options);
}

template <class T>
MaxPool2dBackward<T>::~MaxPool2dBackward() = default;
template <class T>
MaxPool2dBackward<T>::MaxPool2dBackward(MaxPool2dBackward&&) noexcept = default;
template <class T>
MaxPool2dBackward<T>& MaxPool2dBackward<T>::operator=(MaxPool2dBackward&&) noexcept = default;

template <class T>
void MaxPool2dBackward<T>::execute(const MaxPool2dBackwardArguments<T>& arguments) const {
    const Implementation& self = *implementation_;
    validate::require_pointer("grad_output", arguments.grad_output, self.output_elements);
    validate::require_pointer("grad_input", arguments.grad_input, self.input_elements);
    kernels::Pool2dTensors<T> tensors{};
    tensors.grad_output = arguments.grad_output;
    tensors.grad_input = arguments.grad_input;
    switch (self.source) {
        case MaxPoolSource::input:
            validate::require_pointer("input", arguments.input, self.input_elements);
            tensors.input = arguments.input;
            break;
        case MaxPoolSource::plane_indices:
            validate::require_pointer("plane_indices", arguments.plane_indices, self.output_elements);
            tensors.plane_indices = arguments.plane_indices;
            break;
        case MaxPoolSource::window_offsets:
            validate::require_pointer("window_offsets", arguments.window_offsets, self.output_elements);
            tensors.window_offsets = arguments.window_offsets;
            break;
    }
    self.run.run(tensors);
}

template <class T>
const Strategy& MaxPool2dBackward<T>::strategy() const noexcept {
    return implementation_->run.strategy();
}

template class MaxPool2dBackward<float>;
template class MaxPool2dBackward<double>;

}  // namespace backgrad
