#pragma once

#include "tensor.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace trainer {

/// Grey images and their classes.
struct Images {
    std::int64_t count() const { return static_cast<std::int64_t>(labels.size()); }

    std::int64_t height = 0;
    std::int64_t width = 0;
    std::vector<std::uint8_t> pixels;
    std::vector<std::uint8_t> labels;
};

/// A training and a test set in the four files of MNIST and its successors.
struct DataSet {
    Images train;
    Images test;
    int classes = 0;
    float mean = 0;       ///< of the training pixels, 0 to 255
    float deviation = 1;  ///< their standard deviation
};

/// Reads train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte of a
/// folder, each as it is or with ".gz". Keeps the first `limit` images of each set; 0 keeps all. Throws UserError.
DataSet read_data_set(const std::string& folder, std::int64_t limit);

/// The order of the training images in an epoch: a function of seed and epoch, so that a resumed run needs no state.
std::vector<std::int64_t> shuffled(std::int64_t count, std::uint64_t seed, int epoch);

/// Writes images order[first], order[first + 1], ... normalised into a batch, with their labels. Past the end of the
/// order the last image is repeated.
void load_batch(const DataSet& set, const Images& images, const std::vector<std::int64_t>& order, std::int64_t first,
                Tensor& batch, std::vector<std::int64_t>& labels);

}  // namespace trainer
