#include "ops/seed_vectors.hpp"

#include <backgrad/names.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <stdexcept>

namespace backgrad::test {
namespace {

using nlohmann::json;

const std::vector<std::string> known_operations{"conv2d_backward", "max_pool2d_backward", "avg_pool2d_backward",
                                                "global_avg_pool2d_backward", "activation_backward"};

[[noreturn]] void fail(const std::string& where, const std::string& what) {
    throw std::runtime_error(where + ": " + what);
}

double number(const json& value, const std::string& where) {
    if (value.is_number()) return value.get<double>();
    if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (value == "Infinity") return std::numeric_limits<double>::infinity();
    if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
    fail(where, "expected a number, \"NaN\", \"Infinity\" or \"-Infinity\", got " + value.dump());
}

std::vector<std::filesystem::path> json_files(const std::filesystem::path& folder) {
    if (!std::filesystem::is_directory(folder)) fail(folder.string(), "expected a folder of reference vectors");
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == ".json") files.push_back(entry.path());
    if (files.empty()) fail(folder.string(), "expected at least one .json file, got none");
    std::sort(files.begin(), files.end());
    return files;
}

json parse_file(const std::filesystem::path& file) {
    std::ifstream stream(file);
    if (!stream) fail(file.string(), "cannot be read");
    json root;
    try {
        root = json::parse(stream);
    } catch (const json::exception& error) {
        fail(file.string(), error.what());
    }
    if (!root.is_object()) fail(file.string(), "expected an object");
    if (!root.contains("operation") || !root["operation"].is_string())
        fail(file.string(), "expected a key \"operation\"");
    if (!root.contains("cases") || !root["cases"].is_array() || root["cases"].empty())
        fail(file.string(), "expected a non-empty list \"cases\"");
    const std::string operation = root["operation"];
    if (std::find(known_operations.begin(), known_operations.end(), operation) == known_operations.end())
        fail(file.string(), "unknown operation \"" + operation + "\"");
    return root;
}

}  // namespace

std::int64_t VectorTensor::size(std::size_t axis, std::size_t axes) const {
    const std::size_t missing = axes - std::min(axes, shape.size());
    return axis < missing ? 1 : shape[axis - missing];
}

VectorTensor VectorCase::tensor(const std::string& key) const {
    const std::string place = where + ", " + key;
    if (!values.contains(key)) fail(place, "is missing");
    const json& value = values[key];
    if (!value.is_object() || !value.contains("shape") || !value.contains("data") || !value["data"].is_array())
        fail(place, "expected {\"shape\": [...], \"data\": [...]}");
    VectorTensor tensor;
    tensor.shape = VectorCase{place, value}.integers("shape");
    std::size_t elements = 1;
    for (const std::int64_t size : tensor.shape) elements *= static_cast<std::size_t>(size);
    for (const json& element : value["data"]) tensor.data.push_back(number(element, place));
    if (tensor.data.size() != elements)
        fail(place, "expected " + std::to_string(elements) + " elements, got " + std::to_string(tensor.data.size()));
    return tensor;
}

std::int64_t VectorCase::integer(const std::string& key) const {
    if (!values.contains(key) || !values[key].is_number_integer()) fail(where + ", " + key, "expected an integer");
    return values[key].get<std::int64_t>();
}

std::vector<std::int64_t> VectorCase::integers(const std::string& key) const {
    const std::string place = where + ", " + key;
    if (!values.contains(key) || !values[key].is_array()) fail(place, "expected a list of sizes");
    std::vector<std::int64_t> list;
    for (const json& value : values[key]) {
        if (!value.is_number_integer() || value.get<std::int64_t>() < 0)
            fail(place, "expected a size, got " + value.dump());
        list.push_back(value.get<std::int64_t>());
    }
    return list;
}

std::string VectorCase::word(const std::string& key) const {
    if (!values.contains(key) || !values[key].is_string()) fail(where + ", " + key, "expected a string");
    return values[key].get<std::string>();
}

ActivationBackwardOptions parse_activation(const std::string& text) {
    const std::size_t bracket = text.find('(');
    ActivationBackwardOptions options{.activation = parse<Activation>("activation", text.substr(0, bracket))};
    if (bracket == std::string::npos) return options;
    char* end = nullptr;
    options.alpha = std::strtod(text.c_str() + bracket + 1, &end);
    if (end == text.c_str() + bracket + 1 || std::string(end) != ")")
        throw Error("activation", "a name, perhaps with a number in brackets", text);
    return options;
}

std::filesystem::path seed_vector_folder() {
    const char* folder = std::getenv("BACKGRAD_SEED_VECTORS");
    return folder ? std::filesystem::path(folder) : std::filesystem::path(BACKGRAD_TEST_DATA) / "seed_vectors";
}

std::vector<VectorCase> seed_vectors(const std::string& operation, const std::filesystem::path& folder) {
    std::vector<VectorCase> cases;
    for (const std::filesystem::path& file : json_files(folder)) {
        const json root = parse_file(file);
        if (root["operation"] != operation) continue;
        for (std::size_t k = 0; k < root["cases"].size(); ++k) {
            const std::string where = file.filename().string() + ", case " + std::to_string(k);
            if (!root["cases"][k].is_object()) fail(where, "expected an object");
            cases.push_back({where, root["cases"][k]});
        }
    }
    return cases;
}

}  // namespace backgrad::test
