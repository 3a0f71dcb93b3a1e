#pragma once

#include <backgrad/activation.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace backgrad::test {

/// A tensor of one image, row-major, as the vectors hold it.
struct VectorTensor {
    std::vector<std::int64_t> shape;
    std::vector<double> data;

    /// Size along an axis; axes that the tensor lacks count from the left as 1.
    std::int64_t size(std::size_t axis, std::size_t axes) const;
};

/// One case of a file, and where it stands, for messages.
struct VectorCase {
    std::string where;
    nlohmann::json values;

    /// Each throws std::runtime_error with `where`, the key and what is wrong.
    VectorTensor tensor(const std::string& key) const;
    std::int64_t integer(const std::string& key) const;
    std::vector<std::int64_t> integers(const std::string& key) const;
    std::string word(const std::string& key) const;
};

/// Reads "leaky_relu(0.01)": a name and perhaps its parameter. Throws Error for a name that nobody knows.
ActivationBackwardOptions parse_activation(const std::string& text);

/// The folder in BACKGRAD_SEED_VECTORS, or else the copy in the source tree.
std::filesystem::path seed_vector_folder();

/// The cases of an operation over all JSON files of the folder. Throws std::runtime_error for a folder that is missing
/// or holds no file, and for any file that is malformed, has no case, or names an operation nobody knows.
std::vector<VectorCase> seed_vectors(const std::string& operation, const std::filesystem::path& folder);

}  // namespace backgrad::test
