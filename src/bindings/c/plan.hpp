#pragma once

#include "bindings/c/enumerations.hpp"
#include "bindings/c/status.hpp"
#include "bindings/c/strategy.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <variant>

/// A plan of any operation and element type.
struct backgrad_plan {
    virtual ~backgrad_plan() = default;
    virtual const char* operation() const noexcept = 0;
    virtual std::size_t workspace_bytes() const noexcept = 0;
    virtual const backgrad::Strategy& strategy() const noexcept = 0;
};

namespace backgrad::c {

/// The name of an operation, as functions carry it; one specialisation in each operation's file.
template <template <class> class Operation>
extern const char* const operation_name;

/// The plans of one operation, for float and for double.
template <template <class> class Operation>
class PlanOf final : public backgrad_plan {
public:
    using Variant = std::variant<Operation<float>, Operation<double>>;

    explicit PlanOf(Variant plan) : plan_(std::move(plan)) {}

    const char* operation() const noexcept override { return operation_name<Operation>; }

    std::size_t workspace_bytes() const noexcept override {
        return visit([](const auto& plan) -> std::size_t {
            if constexpr (requires { plan.workspace_bytes(); }) return plan.workspace_bytes();
            else return 0;
        });
    }

    const Strategy& strategy() const noexcept override {
        return visit([](const auto& plan) -> const Strategy& { return plan.strategy(); });
    }

    template <class Visitor>
    decltype(auto) visit(Visitor&& visitor) const {
        return std::visit(visitor, plan_);
    }

private:
    Variant plan_;
};

/// A new plan of an operation from the arguments of its C++ constructor. Throws what that throws.
template <template <class> class Operation, class... Arguments>
backgrad_plan* make_plan(backgrad_dtype dtype, const Arguments&... arguments) {
    switch (dtype) {
        case BACKGRAD_F32:
            return new PlanOf<Operation>(Operation<float>(arguments...));
        case BACKGRAD_F64:
            return new PlanOf<Operation>(Operation<double>(arguments...));
    }
    throw Error("dtype", "BACKGRAD_F32 or BACKGRAD_F64", std::to_string(static_cast<int>(dtype)));
}

/// Calls `body` with the C++ plan inside `plan`. Throws Error if it is a plan of another operation.
template <template <class> class Operation, class Body>
void with_plan(const backgrad_plan* plan, const Body& body) {
    const auto* const typed = dynamic_cast<const PlanOf<Operation>*>(&required(plan, "plan"));
    if (typed == nullptr) {
        throw Error("plan", std::string("a plan of ") + operation_name<Operation>,
                    std::string("one of ") + plan->operation());
    }
    typed->visit(body);
}

}  // namespace backgrad::c
