#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace backgrad::validate {

/// Throws Error unless value >= 1.
void require_positive(const char* name, std::int64_t value);

/// Throws Error unless value >= 0.
void require_non_negative(const char* name, std::int64_t value);

/// The product of non-negative factors. Throws Error where it exceeds a signed 64-bit integer.
std::int64_t checked_product(const char* name, std::initializer_list<std::int64_t> factors);

/// The sum of terms. Throws Error where it leaves a signed 64-bit integer.
std::int64_t checked_sum(const char* name, std::initializer_list<std::int64_t> terms);

/// The elements of a tensor with these sizes. Throws Error where their bytes do not fit a signed 64-bit integer.
std::int64_t checked_elements(const char* name, std::initializer_list<std::int64_t> sizes, std::int64_t element_bytes);

/// Throws Error for a null pointer. Tensors without elements need none: pass elements = 0.
void require_pointer(const char* name, const void* pointer, std::int64_t elements = 1);

/// Throws Error for a null or misaligned workspace. One of no bytes needs no pointer.
void require_workspace(const void* workspace, std::size_t bytes);

}  // namespace backgrad::validate
