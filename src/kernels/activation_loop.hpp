#pragma once

#include "kernels/activation_derivatives.hpp"
#include "kernels/activation_mask.hpp"

#include <cstdint>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// A tensor as what a derivative is computed from.
template <class T>
class TensorSource {
public:
    using Value = vec<T>;

    explicit TensorSource(const kernels::ActivationTensors<T>& tensors) : source_(tensors.source) {}

    Value load(std::int64_t k) const { return vec<T>::load(source_ + k); }
    Value load_first(std::int64_t k, int n) const { return vec<T>::load_first(source_ + k, n); }

private:
    const T* source_;
};

/// grad_input[k] = f(grad_output[k], source[k]) for k in [begin, end). In place is fine: a vector is read before it is
/// written. The first and last vectors are masked and run the same code.
template <class T, class Function, class Source>
class ActivationLoop {
public:
    ActivationLoop(const kernels::ActivationProblem<T>& problem, const kernels::ActivationTensors<T>& tensors)
        : tensors_(tensors), source_(tensors), accumulate_(problem.accumulate), function_(problem) {}

    void run(std::int64_t begin, std::int64_t end, bool streaming) const {
        if (streaming && !accumulate_) {
            const std::int64_t head = elements_to_alignment(tensors_.grad_input + begin);
            const std::int64_t first = head < end - begin ? head : end - begin;
            if (first > 0) part(begin, static_cast<int>(first));
            begin = vectors<true>(begin + first, end);
            if (begin < end) part(begin, static_cast<int>(end - begin));
            stream_fence();
            return;
        }
        begin = vectors<false>(begin, end);
        if (begin < end) part(begin, static_cast<int>(end - begin));
    }

private:
    static constexpr int lanes = vec<T>::lanes;

    static std::int64_t elements_to_alignment(const T* p) {
        constexpr std::uintptr_t bytes = sizeof(T) * lanes;
        return static_cast<std::int64_t>((bytes - reinterpret_cast<std::uintptr_t>(p) % bytes) % bytes / sizeof(T));
    }

    /// All whole vectors of [begin, end); returns the end of the last.
    template <bool streaming>
    std::int64_t vectors(std::int64_t begin, std::int64_t end) const {
        const bool accumulate = accumulate_;
        std::int64_t k = begin;
#pragma GCC unroll 4
        for (; k + lanes <= end; k += lanes) {
            const vec<T> g = vec<T>::load(tensors_.grad_output + k);
            const vec<T> result = function_(g, source_.load(k));
            if constexpr (streaming) {
                result.stream(tensors_.grad_input + k);
            } else if (accumulate) {
                (vec<T>::load(tensors_.grad_input + k) + result).store(tensors_.grad_input + k);
            } else {
                result.store(tensors_.grad_input + k);
            }
        }
        return k;
    }

    /// Fewer than `lanes` elements from k on.
    [[gnu::noinline]] void part(std::int64_t k, int n) const {
        const vec<T> g = vec<T>::load_first(tensors_.grad_output + k, n);
        vec<T> result = function_(g, source_.load_first(k, n));
        if (accumulate_) result = vec<T>::load_first(tensors_.grad_input + k, n) + result;
        result.store_first(tensors_.grad_input + k, n);
    }

    const kernels::ActivationTensors<T> tensors_;
    Source source_;
    bool accumulate_;
    Function function_;
};

template <class T, template <class> class Function, template <class> class Source = TensorSource>
void run_activation(const kernels::ActivationProblem<T>& problem, const kernels::ActivationTensors<T>& tensors,
                    std::int64_t begin, std::int64_t end) {
    ActivationLoop<T, Function<T>, Source<T>>(problem, tensors).run(begin, end, problem.streaming);
}

template <class T>
void run_activation(const kernels::ActivationProblem<T>& problem, const kernels::ActivationTensors<T>& tensors,
                    std::int64_t begin, std::int64_t end) {
    using kernels::Derivative;
    switch (problem.derivative) {
        case Derivative::one:
            return run_activation<T, One>(problem, tensors, begin, end);
        case Derivative::positive:
            return run_activation<T, Positive>(problem, tensors, begin, end);
        case Derivative::positive_or_alpha:
            return run_activation<T, PositiveOrAlpha>(problem, tensors, begin, end);
        case Derivative::positive_by_mask:
            return run_activation<T, Positive, MaskSource>(problem, tensors, begin, end);
        case Derivative::positive_or_alpha_by_mask:
            return run_activation<T, PositiveOrAlpha, MaskSource>(problem, tensors, begin, end);
        case Derivative::sigmoid:
            return run_activation<T, Sigmoid>(problem, tensors, begin, end);
        case Derivative::sigmoid_of_output:
            return run_activation<T, SigmoidOfOutput>(problem, tensors, begin, end);
        case Derivative::tanh:
            return run_activation<T, Tanh>(problem, tensors, begin, end);
        case Derivative::tanh_of_output:
            return run_activation<T, TanhOfOutput>(problem, tensors, begin, end);
        case Derivative::gelu:
            return run_activation<T, Gelu>(problem, tensors, begin, end);
        case Derivative::silu:
            return run_activation<T, Silu>(problem, tensors, begin, end);
        case Derivative::elu:
            return run_activation<T, Elu>(problem, tensors, begin, end);
        case Derivative::elu_of_output:
            return run_activation<T, EluOfOutput>(problem, tensors, begin, end);
        case Derivative::softplus:
            return run_activation<T, Softplus>(problem, tensors, begin, end);
        case Derivative::softplus_of_output:
            return run_activation<T, SoftplusOfOutput>(problem, tensors, begin, end);
        case Derivative::hardswish:
            return run_activation<T, Hardswish>(problem, tensors, begin, end);
    }
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
