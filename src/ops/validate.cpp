#include "ops/validate.hpp"

#include <backgrad/error.hpp>
#include <backgrad/workspace.hpp>

#include <string>

namespace backgrad::validate {
namespace {

std::string join(std::initializer_list<std::int64_t> values, const char* separator) {
    std::string text;
    for (const std::int64_t value : values) text += (text.empty() ? "" : separator) + std::to_string(value);
    return text;
}

}  // namespace

void require_positive(const char* name, std::int64_t value) {
    if (value < 1) throw Error(name, "at least 1", std::to_string(value));
}

void require_non_negative(const char* name, std::int64_t value) {
    if (value < 0) throw Error(name, "at least 0", std::to_string(value));
}

std::int64_t checked_product(const char* name, std::initializer_list<std::int64_t> factors) {
    // A zero anywhere makes the product zero, also where the other factors alone would overflow.
    for (const std::int64_t factor : factors) {
        if (factor == 0) return 0;
    }
    std::int64_t product = 1;
    for (const std::int64_t factor : factors) {
        if (__builtin_mul_overflow(product, factor, &product)) {
            throw Error(name, "a product below 2^63", join(factors, " * "));
        }
    }
    return product;
}

std::int64_t checked_sum(const char* name, std::initializer_list<std::int64_t> terms) {
    std::int64_t sum = 0;
    for (const std::int64_t term : terms) {
        if (__builtin_add_overflow(sum, term, &sum)) throw Error(name, "a sum below 2^63", join(terms, " + "));
    }
    return sum;
}

std::int64_t checked_elements(const char* name, std::initializer_list<std::int64_t> sizes, std::int64_t element_bytes) {
    const std::int64_t elements = checked_product(name, sizes);
    checked_product(name, {elements, element_bytes});
    return elements;
}

void require_pointer(const char* name, const void* pointer, std::int64_t elements) {
    if (pointer == nullptr && elements > 0) throw Error(name, "a pointer to a tensor", "null");
}

void require_workspace(const void* workspace, std::size_t bytes) {
    if (bytes == 0) return;
    require_pointer("workspace", workspace);
    const std::size_t beyond = reinterpret_cast<std::uintptr_t>(workspace) % Workspace::alignment;
    if (beyond == 0) return;
    throw Error("workspace", "a pointer aligned to " + std::to_string(Workspace::alignment) + " bytes",
                std::to_string(beyond) + " bytes beyond such an address");
}

}  // namespace backgrad::validate
