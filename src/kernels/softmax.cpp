#include "kernels/activation_entries.hpp"
#include "kernels/softmax_cross_entropy.hpp"

namespace backgrad::BACKGRAD_ISA {
namespace {

template <class T>
void run(const kernels::SoftmaxProblem<T>& problem, const kernels::SoftmaxTensors<T>& tensors, std::int64_t begin,
         std::int64_t end) {
    if (problem.from_logits) return run_softmax<T, true>(problem, tensors, begin, end);
    run_softmax<T, false>(problem, tensors, begin, end);
}

}  // namespace

void softmax_backward(const kernels::SoftmaxProblem<float>& problem, const kernels::SoftmaxTensors<float>& tensors,
                      std::int64_t begin, std::int64_t end) noexcept {
    run(problem, tensors, begin, end);
}

void softmax_cross_entropy_backward(const kernels::SoftmaxProblem<float>& problem,
                                    const kernels::SoftmaxTensors<float>& tensors, std::int64_t begin,
                                    std::int64_t end) noexcept {
    run_cross_entropy(problem, tensors, begin, end);
}

void softmax_backward(const kernels::SoftmaxProblem<double>& problem, const kernels::SoftmaxTensors<double>& tensors,
                      std::int64_t begin, std::int64_t end) noexcept {
    run(problem, tensors, begin, end);
}

void softmax_cross_entropy_backward(const kernels::SoftmaxProblem<double>& problem,
                                    const kernels::SoftmaxTensors<double>& tensors, std::int64_t begin,
                                    std::int64_t end) noexcept {
    run_cross_entropy(problem, tensors, begin, end);
}

}  // namespace backgrad::BACKGRAD_ISA
