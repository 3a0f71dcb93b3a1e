#pragma once

#include <backgrad/error.hpp>

#include <string>

namespace backgrad::test {

/// The argument that the Error of a call names, or "nothing" where the call throws none.
template <class Call>
std::string thrown_argument(const Call& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.argument();
    }
    return "nothing";
}

}  // namespace backgrad::test
