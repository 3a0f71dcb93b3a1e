#pragma once

#include "shape.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace backgrad::bench {

/// The rows of one shape file. Its header tells the kind. Throws Error that names file and line.
std::vector<Shape> read_shape_file(const std::string& path);

/// The names of the built-in sets. Set S is made of the file S.csv and of those of S_pool.csv,
/// S_activation.csv and S_block.csv that there are.
const std::vector<std::string>& shape_set_names();

/// The shapes of built-in sets and CSV files, in the order asked for; a shape met twice counts once, two different
/// shapes of one kind may not share a name. `batch` overrides n. Throws Error.
std::vector<Shape> load_shapes(const std::vector<std::string>& sets_and_files, std::optional<std::int64_t> batch);

}  // namespace backgrad::bench
