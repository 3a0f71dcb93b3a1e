#include "bindings/c/plan.hpp"

#include <backgrad/activation.hpp>

namespace backgrad::c {

template <>
const char* const operation_name<ActivationBackward> = "activation_backward";

namespace {

ActivationBackwardOptions from_c(const backgrad_activation_backward_options& options) {
    return {.activation = enumerator<Activation>(options.activation, "options.activation"),
            .source = enumerator<ActivationSource>(options.source, "options.source"),
            .alpha = options.alpha,
            .grad_input_mode = enumerator<WriteMode>(options.grad_input_mode, "options.grad_input_mode"),
            .strategy = strategy_from_c(options.strategy)};
}

template <class T>
ActivationBackwardArguments<T> from_c(const backgrad_activation_backward_arguments& arguments) noexcept {
    return {.grad_output = static_cast<const T*>(arguments.grad_output),
            .source = static_cast<const T*>(arguments.source),
            .grad_input = static_cast<T*>(arguments.grad_input),
            .mask = arguments.mask,
            .mask_bytes = arguments.mask_bytes};
}

}  // namespace
}  // namespace backgrad::c

using namespace backgrad;
using namespace backgrad::c;

backgrad_activation_backward_options backgrad_activation_backward_default_options(void) {
    const ActivationBackwardOptions defaults;
    backgrad_activation_backward_options options{};
    options.activation = BACKGRAD_RELU;
    options.alpha = defaults.alpha;
    return options;
}

backgrad_status backgrad_activation_backward_create(backgrad_plan** plan, backgrad_dtype dtype, int64_t elements,
                                                    const backgrad_activation_backward_options* options) {
    return guarded([&] {
        backgrad_plan*& result = required(plan, "plan");
        result = make_plan<ActivationBackward>(dtype, elements,
                                               options == nullptr ? ActivationBackwardOptions{} : from_c(*options));
    });
}

backgrad_status backgrad_activation_backward_execute(const backgrad_plan* plan,
                                                     const backgrad_activation_backward_arguments* arguments) {
    return guarded([&] {
        with_plan<ActivationBackward>(plan, [&]<class T>(const ActivationBackward<T>& typed) {
            typed.execute(from_c<T>(required(arguments, "arguments")));
        });
    });
}

int64_t backgrad_activation_mask_bytes(int64_t elements) { return elements < 0 ? 0 : activation_mask_bytes(elements); }

backgrad_status backgrad_make_activation_mask(backgrad_dtype dtype, int64_t elements, const void* input, uint8_t* mask,
                                              int64_t mask_bytes) {
    return guarded([&] {
        switch (dtype) {
            case BACKGRAD_F32:
                return make_activation_mask(elements, static_cast<const float*>(input), mask, mask_bytes);
            case BACKGRAD_F64:
                return make_activation_mask(elements, static_cast<const double*>(input), mask, mask_bytes);
        }
        throw Error("dtype", "BACKGRAD_F32 or BACKGRAD_F64", std::to_string(static_cast<int>(dtype)));
    });
}

const char* backgrad_activation_name(backgrad_activation activation) { return word<Activation>(activation); }

backgrad_status backgrad_activation_from_name(const char* word, backgrad_activation* activation) {
    return guarded([&] {
        required(activation, "activation") =
            static_cast<backgrad_activation>(parse<Activation>("word", &required(word, "word")));
    });
}
