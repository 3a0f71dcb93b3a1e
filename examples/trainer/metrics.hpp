#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace trainer {

/// What one epoch gave. Times in seconds; images per second counts training alone.
struct EpochMetrics {
    int epoch = 0;
    double loss = 0;
    double train_accuracy = 0;
    double test_accuracy = 0;
    double images_per_second = 0;
    double forward_seconds = 0;
    double backward_seconds = 0;
    double total_seconds = 0;
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(EpochMetrics, epoch, loss, train_accuracy, test_accuracy, images_per_second,
                                   forward_seconds, backward_seconds, total_seconds)

/// Writes one line of JSON per epoch. The file is replaced as a whole, so that a kill leaves the old or the new one.
void write_metrics(const std::string& path, const std::vector<EpochMetrics>& history);

/// Replaces a file by new content, also through a loss of power. Throws UserError.
void replace_file(const std::string& path, const std::string& content);

}  // namespace trainer
