#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace trainer {

/// Something that the user gave cannot be used; what() is for the user to read.
class UserError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// An IDX file of unsigned bytes: sizes, slowest first, and the bytes.
struct Idx {
    std::vector<std::int64_t> sizes;
    std::vector<std::uint8_t> bytes;
};

/// Reads an IDX file, compressed with gzip or not, with `dimensions` dimensions. Throws UserError with the file's name.
Idx read_idx(const std::string& path, std::size_t dimensions);

}  // namespace trainer
