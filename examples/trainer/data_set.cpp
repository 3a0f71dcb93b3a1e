#include "data_set.hpp"

#include "idx.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

namespace trainer {
namespace {

std::string find_file(const std::string& folder, const std::string& name) {
    for (const char* const suffix : {"", ".gz"}) {
        std::string path = folder + '/' + name + suffix;
        if (std::filesystem::exists(path)) return path;
    }
    throw UserError(folder + ": expected a file " + name + " or " + name +
                    ".gz, found none (Debian's package dataset-fashion-mnist has them)");
}

Images read_images(const std::string& folder, const std::string& prefix) {
    const std::string path = find_file(folder, prefix + "-images-idx3-ubyte");
    const std::string label_path = find_file(folder, prefix + "-labels-idx1-ubyte");
    Idx images = read_idx(path, 3);
    Idx labels = read_idx(label_path, 1);
    if (images.sizes[0] != labels.sizes[0]) {
        throw UserError(label_path + ": expected a label for each of " + std::to_string(images.sizes[0]) +
                        " images, got " + std::to_string(labels.sizes[0]));
    }
    return {images.sizes[1], images.sizes[2], std::move(images.bytes), std::move(labels.bytes)};
}

void keep_first(Images& images, std::int64_t limit) {
    if (limit == 0 || limit >= images.count()) return;
    images.labels.resize(static_cast<std::size_t>(limit));
    images.pixels.resize(static_cast<std::size_t>(limit * images.height * images.width));
}

void measure(DataSet& set) {
    const double count = static_cast<double>(set.train.pixels.size());
    double sum = 0, squares = 0;
    for (const std::uint8_t pixel : set.train.pixels) {
        sum += pixel;
        squares += pixel * pixel;
    }
    set.mean = static_cast<float>(sum / count);
    set.deviation = static_cast<float>(std::sqrt(std::max(squares / count - sum / count * (sum / count), 1.0)));
}

}  // namespace

DataSet read_data_set(const std::string& folder, std::int64_t limit) {
    DataSet set{read_images(folder, "train"), read_images(folder, "t10k")};
    if (set.train.height != set.test.height || set.train.width != set.test.width) {
        throw UserError(folder + ": expected test images of the size of the training images, " +
                        std::to_string(set.train.height) + 'x' + std::to_string(set.train.width) + ", got " +
                        std::to_string(set.test.height) + 'x' + std::to_string(set.test.width));
    }
    set.classes = 1 + std::max(*std::ranges::max_element(set.train.labels), *std::ranges::max_element(set.test.labels));
    keep_first(set.train, limit);
    keep_first(set.test, limit);
    measure(set);
    return set;
}

std::vector<std::int64_t> shuffled(std::int64_t count, std::uint64_t seed, int epoch) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    std::seed_seq both{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                       static_cast<std::uint32_t>(epoch)};
    std::mt19937_64 random(both);
    std::ranges::shuffle(order, random);
    return order;
}

void load_batch(const DataSet& set, const Images& images, const std::vector<std::int64_t>& order, std::int64_t first,
                Tensor& batch, std::vector<std::int64_t>& labels) {
    const std::int64_t pixels = images.height * images.width;
    const std::int64_t last = static_cast<std::int64_t>(order.size()) - 1;
    for (std::int64_t k = 0; k < batch.dims.batch; ++k) {
        const std::int64_t image = order[static_cast<std::size_t>(std::min(first + k, last))];
        const std::uint8_t* const from = images.pixels.data() + image * pixels;
        float* const to = batch.data() + k * pixels;
        for (std::int64_t p = 0; p < pixels; ++p) to[p] = (static_cast<float>(from[p]) - set.mean) / set.deviation;
        labels[static_cast<std::size_t>(k)] = images.labels[static_cast<std::size_t>(image)];
    }
}

}  // namespace trainer
