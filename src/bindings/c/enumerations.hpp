#pragma once

#include <backgrad/backgrad.h>
#include <backgrad/names.hpp>

#include <string>

namespace backgrad::c {

/// The C++ enumerator of a C one; they have equal values, see enumerations.cpp. C lets an enumeration hold any integer,
/// so the value is checked. Throws Error.
template <class Enum, class CEnum>
Enum enumerator(CEnum value, const char* argument) {
    for (const Name<Enum>& entry : names<Enum>) {
        if (static_cast<int>(entry.value) == static_cast<int>(value)) return entry.value;
    }
    throw Error(argument, listed_names<Enum>(), std::to_string(static_cast<int>(value)));
}

/// The word of a C enumerator, "unknown" for what is none.
template <class Enum, class CEnum>
const char* word(CEnum value) noexcept {
    return name(static_cast<Enum>(value)).data();
}

}  // namespace backgrad::c
