#pragma once

#include <cstdint>

/// What the softmax kernels are told.
namespace backgrad::kernels {

/// Positions of `inner` that one unit of work holds where inner > 1; where it is 1 a unit is a row.
inline constexpr std::int64_t softmax_unit = 64;

template <class T>
struct SoftmaxProblem {
    std::int64_t length, inner;
    bool from_logits;  ///< the source is x, not y
    T scale;           ///< cross entropy only
    bool accumulate;
    bool streaming;  ///< non-temporal stores
};

/// `labels` are there for cross entropy, `grad_output` for the softmax alone.
template <class T>
struct SoftmaxTensors {
    const T* grad_output;
    const T* source;
    const std::int64_t* labels;
    T* grad_input;
};

/// Units [begin, end), counted over outer and then inner.
template <class T>
using SoftmaxKernel = void (*)(const SoftmaxProblem<T>&, const SoftmaxTensors<T>&, std::int64_t begin,
                               std::int64_t end) noexcept;

}  // namespace backgrad::kernels
