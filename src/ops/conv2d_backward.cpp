#include "ops/conv2d_planned.hpp"

#include <backgrad/conv2d.hpp>

#include <cstdint>

namespace backgrad {

namespace {

std::int64_t formula(std::int64_t size, std::int64_t padding, std::int64_t kernel, std::int64_t dilation,
                     std::int64_t stride) {
    const std::int64_t room = size + padding - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

}  // namespace

std::int64_t Conv2dShape::formula_out_height() const noexcept {
    return formula(in_height, padding_top + padding_bottom, kernel_height, dilation_height, stride_height);
}

std::int64_t Conv2dShape::formula_out_width() const noexcept {
    return formula(in_width, padding_left + padding_right, kernel_width, dilation_width, stride_width);
}

template <class T>
struct Conv2dBackward<T>::Implementation : ops::PlannedConv2d<T> {
    using ops::PlannedConv2d<T>::PlannedConv2d;
};

template <class T>
Conv2dBackward<T>::Conv2dBackward(const Conv2dShape& shape, const Conv2dBackwardOptions& options)
    : implementation_(std::make_unique<Implementation>(shape, options)) {}

template <class T>
Conv2dBackward<T>::~Conv2dBackward() = default;

template <class T>
Conv2dBackward<T>::Conv2dBackward(Conv2dBackward&&) noexcept = default;

template <class T>
Conv2dBackward<T>& Conv2dBackward<T>::operator=(Conv2dBackward&&) noexcept = default;

template <class T>
std::size_t Conv2dBackward<T>::workspace_bytes() const noexcept {
    return implementation_->workspace_bytes();
}

template <class T>
const Strategy& Conv2dBackward<T>::strategy() const noexcept {
    return implementation_->strategy();
}

template <class T>
void Conv2dBackward<T>::execute(const Conv2dBackwardArguments<T>& arguments, void* workspace) const {
    implementation_->execute(arguments, workspace);
}

template <class T>
void conv2d_backward(const Conv2dShape& shape, const Conv2dBackwardArguments<T>& arguments,
                     const Conv2dBackwardOptions& options) {
    const Conv2dBackward<T> plan(shape, options);
    const Workspace workspace(plan.workspace_bytes());
    plan.execute(arguments, workspace.data());
}

template class Conv2dBackward<float>;
template class Conv2dBackward<double>;
template void conv2d_backward<float>(const Conv2dShape&, const Conv2dBackwardArguments<float>&,
                                     const Conv2dBackwardOptions&);
template void conv2d_backward<double>(const Conv2dShape&, const Conv2dBackwardArguments<double>&,
                                      const Conv2dBackwardOptions&);

}  // namespace backgrad
