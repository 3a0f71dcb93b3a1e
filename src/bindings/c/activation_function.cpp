#include "bindings/c/plan.hpp"
#include "threads/make_executor.hpp"

#include <backgrad/activation_function.hpp>

#include <type_traits>

namespace backgrad::c {
namespace {

/// A C function and its context as a callable.
template <class T>
struct Derivative {
    T (*function)(void* context, T source);
    void* context;

    T operator()(T source) const { return function(context, source); }
};

template <class T>
Derivative<T> derivative(const backgrad_activation_function_backward_options& options) {
    const auto checked = [&](auto* function, const char* argument) {
        if (function == nullptr) throw Error(argument, "a function", "a null pointer");
        return Derivative<T>{function, options.context};
    };
    if constexpr (std::is_same_v<T, float>) return checked(options.derivative_f32, "options.derivative_f32");
    else return checked(options.derivative_f64, "options.derivative_f64");
}

/// The C++ plan, with the strategy that other plans keep themselves.
template <class T>
class FunctionBackward {
public:
    FunctionBackward(std::int64_t elements, const backgrad_activation_function_backward_options& options)
        : strategy_(threads::resolve(strategy_from_c(options.strategy))),
          plan_(elements, derivative<T>(options),
                enumerator<WriteMode>(options.grad_input_mode, "options.grad_input_mode"), strategy_) {}

    const Strategy& strategy() const noexcept { return strategy_; }

    void execute(const backgrad_activation_backward_arguments& arguments) const {
        plan_.execute({.grad_output = static_cast<const T*>(arguments.grad_output),
                       .source = static_cast<const T*>(arguments.source),
                       .grad_input = static_cast<T*>(arguments.grad_input)});
    }

private:
    Strategy strategy_;
    ActivationFunctionBackward<T, Derivative<T>> plan_;
};

}  // namespace

template <>
const char* const operation_name<FunctionBackward> = "activation_function_backward";

}  // namespace backgrad::c

using namespace backgrad::c;

backgrad_status backgrad_activation_function_backward_create(
    backgrad_plan** plan, backgrad_dtype dtype, int64_t elements,
    const backgrad_activation_function_backward_options* options) {
    return guarded([&] {
        backgrad_plan*& result = required(plan, "plan");
        result = make_plan<FunctionBackward>(dtype, elements, required(options, "options"));
    });
}

backgrad_status backgrad_activation_function_backward_execute(const backgrad_plan* plan,
                                                              const backgrad_activation_backward_arguments* arguments) {
    return guarded([&] {
        with_plan<FunctionBackward>(plan, [&](const auto& typed) { typed.execute(required(arguments, "arguments")); });
    });
}
