#pragma once

#include <backgrad/export.h>

#include <stdexcept>
#include <string>

namespace backgrad {

/// Thrown for every wrong argument, before anything is written.
///
/// `what()` reads "argument: expected ..., got ...". Only the creation of a plan or an executor and the pointer
/// check at the start of `execute` throw it; the kernels themselves never do.
class BACKGRAD_EXPORT Error : public std::invalid_argument {
public:
    /// `argument` is the offending name as it stands in the API, `expected` and `actual` are for a person to read.
    Error(const std::string& argument, const std::string& expected, const std::string& actual)
        : std::invalid_argument(argument + ": expected " + expected + ", got " + actual), argument_(argument) {}

    /// The name of the offending argument.
    const std::string& argument() const noexcept { return argument_; }

private:
    std::string argument_;
};

}  // namespace backgrad
