#pragma once

#include <backgrad/activation.hpp>
#include <backgrad/error.hpp>
#include <backgrad/executor.hpp>
#include <backgrad/strategy.hpp>
#include <backgrad/types.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace backgrad {

/// Plan of an activation's backward pass whose derivative is a function of yours:
///
///     grad_input[k] = grad_output[k] * derivative(source[k])
///
/// for any callable `T derivative(T)`, which sees one element at a time, from several threads at once. It runs by the
/// strategy's back end and is compiled with your flags, so its bits are your compiler's. A derivative that throws ends
/// the program.
template <class T, class Derivative>
class ActivationFunctionBackward {
public:
    /// For tensors of `elements` elements. Throws Error.
    ActivationFunctionBackward(std::int64_t elements, Derivative derivative,
                               WriteMode grad_input_mode = WriteMode::overwrite, const Strategy& strategy = {})
        : elements_(elements), derivative_(std::move(derivative)), mode_(grad_input_mode) {
        if (elements < 0) throw Error("elements", "at least 0", std::to_string(elements));
        per_task_ = std::max(least_per_task, elements / most_tasks + 1);
        executor_ = make_executor(strategy);
    }

    /// Computes grad_input, which may be grad_output or source itself. Throws Error for a null pointer before anything
    /// is written; allocates nothing.
    void execute(const ActivationBackwardArguments<T>& arguments) const {
        if (elements_ == 0) return;
        require("grad_output", arguments.grad_output);
        require("source", arguments.source);
        require("grad_input", arguments.grad_input);
        Context context{this, &arguments};
        executor_->run((elements_ - 1) / per_task_ + 1, {&run_task, &context});
    }

private:
    static constexpr std::int64_t most_tasks = 1024;
    static constexpr std::int64_t least_per_task = 4096;

    struct Context {
        const ActivationFunctionBackward* plan;
        const ActivationBackwardArguments<T>* arguments;
    };

    static void require(const char* name, const void* pointer) {
        if (pointer == nullptr) throw Error(name, "a pointer to a tensor", "null");
    }

    static void run_task(void* context, std::int64_t task, int) noexcept {
        const auto& [plan, arguments] = *static_cast<Context*>(context);
        const std::int64_t begin = task * plan->per_task_;
        const std::int64_t end = begin + std::min(plan->per_task_, plan->elements_ - begin);
        for (std::int64_t k = begin; k < end; ++k) {
            const T gradient = arguments->grad_output[k] * plan->derivative_(arguments->source[k]);
            T& target = arguments->grad_input[k];
            target = plan->mode_ == WriteMode::accumulate ? target + gradient : gradient;
        }
    }

    std::int64_t elements_;
    std::int64_t per_task_ = 0;
    Derivative derivative_;
    WriteMode mode_;
    std::shared_ptr<Executor> executor_;
};

/// One-off call of ActivationFunctionBackward. Throws Error.
template <class T, class Derivative>
void activation_function_backward(std::int64_t elements, const ActivationBackwardArguments<T>& arguments,
                                  Derivative derivative, WriteMode grad_input_mode = WriteMode::overwrite,
                                  const Strategy& strategy = {}) {
    ActivationFunctionBackward<T, Derivative>(elements, std::move(derivative), grad_input_mode, strategy)
        .execute(arguments);
}

}  // namespace backgrad
