#include "shape_files.hpp"

#include <backgrad/error.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

namespace backgrad::bench {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> fields{""};
    for (const char c : line) {
        if (c == ',') fields.emplace_back();
        else fields.back() += c;
    }
    return fields;
}

std::string strip(std::string line) {
    const char* blanks = " \t\r";
    line.erase(0, std::min(line.find_first_not_of(blanks), line.size()));
    line.erase(line.find_last_not_of(blanks) + 1);
    return line;
}

std::int64_t parse_integer(const std::string& column, const std::string& text) {
    const std::string digits = strip(text);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size())
        throw Error(column, "an integer", "'" + text + "'");
    return value;
}

Shape parse_row(ShapeKind kind, const std::string& line) {
    const auto& columns = columns_of(kind);
    const std::vector<std::string> fields = split(line);
    if (fields.size() != columns.size() + 1) {
        throw Error("row", std::to_string(columns.size() + 1) + " fields (" + header_of(kind) + ")",
                    std::to_string(fields.size()));
    }
    Shape shape{strip(fields[0]), kind, {}};
    if (shape.name.empty()) throw Error("name", "a name", "an empty field");
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto word = value_of_word(columns[i], strip(fields[i + 1]));
        shape.values.push_back(word ? *word : parse_integer(columns[i], fields[i + 1]));
    }
    validate(shape);
    return shape;
}

/// Folder of the built-in sets: the source tree's, or where `cmake --install` puts it.
fs::path shape_folder() {
    const fs::path source = BACKGRAD_BENCH_SHAPES;
    if (fs::is_directory(source)) return source;
    return fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "share" / "backgrad" / "shapes";
}

/// The files of a built-in set, or the one CSV file that the name stands for.
std::vector<std::string> files_of(const std::string& name) {
    const auto& sets = shape_set_names();
    if (std::find(sets.begin(), sets.end(), name) != sets.end()) {
        std::vector<std::string> files;
        files.push_back((shape_folder() / (name + ".csv")).string());
        for (const char* suffix : {"_pool.csv", "_activation.csv", "_block.csv"}) {
            const fs::path others = shape_folder() / (name + suffix);
            if (fs::exists(others)) files.push_back(others.string());
        }
        return files;
    }
    if (!fs::exists(name)) throw Error("--shapes", join_alternatives(sets) + ", or a CSV file", "'" + name + "'");
    return {name};
}

void add(std::vector<Shape>& shapes, const Shape& shape, const std::string& path) {
    const auto same_name = [&](const Shape& other) { return other.kind == shape.kind && other.name == shape.name; };
    const auto found = std::find_if(shapes.begin(), shapes.end(), same_name);
    if (found == shapes.end()) shapes.push_back(shape);
    else if (*found != shape) throw Error(path, "shape names that differ", "two shapes named '" + shape.name + "'");
}

}  // namespace

std::vector<Shape> read_shape_file(const std::string& path) {
    std::ifstream file(path);
    if (!file || fs::is_directory(path)) throw Error("--shapes", "a readable CSV file", "'" + path + "'");
    std::vector<Shape> shapes;
    std::optional<ShapeKind> kind;
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
        line = strip(line);
        if (line.empty()) continue;
        const std::string place = path + ":" + std::to_string(number);
        if (kind) {
            try {
                add(shapes, parse_row(*kind, line), place);
            } catch (const Error& error) {
                if (error.argument() == place) throw;
                throw Error(place, "a shape", error.what());
            }
        } else if (!(kind = kind_of_header(line))) {
            throw Error(place,
                        "one of the headers '" + header_of(ShapeKind::conv2d) + "', '" + header_of(ShapeKind::pool2d) +
                            "', '" + header_of(ShapeKind::activation) + "', '" + header_of(ShapeKind::block) + "'",
                        "'" + line + "'");
        }
    }
    if (file.bad()) throw Error("--shapes", "a readable CSV file", "'" + path + "'");
    if (shapes.empty()) throw Error(path, "a header and at least one shape", "none");
    return shapes;
}

const std::vector<std::string>& shape_set_names() {
    static const std::vector<std::string> names{"default",     "lenet",     "cifar",     "resnet18", "resnet50",
                                                "vgg16",       "googlenet", "mobilenet", "modern",   "yolo",
                                                "transformer", "dense",     "awkward"};
    return names;
}

std::vector<Shape> load_shapes(const std::vector<std::string>& sets_and_files, std::optional<std::int64_t> batch) {
    std::vector<Shape> shapes;
    for (const std::string& name : sets_and_files) {
        for (const std::string& path : files_of(name)) {
            for (Shape shape : read_shape_file(path)) {
                if (batch) {
                    shape.values[0] = *batch;
                    validate(shape);
                }
                add(shapes, shape, path);
            }
        }
    }
    return shapes;
}

}  // namespace backgrad::bench
