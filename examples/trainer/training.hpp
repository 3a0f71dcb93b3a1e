#pragma once

#include "checkpoint.hpp"
#include "data_set.hpp"
#include "models.hpp"
#include "optimizer.hpp"

#include <memory>
#include <string>
#include <vector>

namespace trainer {

/// What a person can ask of a run.
struct Settings {
    std::string model = "lenet5";
    int epochs = 12;
    int threads = 0;  ///< 0: all that the process may use
    std::string backward = "backgrad";
    std::string data = "/usr/share/datasets/fashion-mnist";
    std::string out = "results/training";
    bool resume = false;
    std::string optimizer = "adam";
    double learning_rate = 0.002;
    double learning_rate_decay = 0.85;  ///< factor from epoch to epoch
    double weight_decay = 0.01;
    std::int64_t batch = 100;
    std::int64_t limit = 0;  ///< images that are used of each set; 0: all
    std::uint64_t seed = 1;
};

/// One training run: reads data, makes or resumes the model, trains, writes metrics and checkpoints.
class Training {
public:
    /// Throws UserError.
    explicit Training(const Settings& settings);

    /// Runs the epochs that are left. Throws UserError if something cannot be written.
    void run();

private:
    struct Tally;  // sums over the batches of an epoch

    EpochMetrics run_epoch(int epoch);
    void train_batch(Tally& tally);
    double test_accuracy();
    Checkpoint checkpoint();
    void save(const EpochMetrics& metrics);

    Settings settings_;
    DataSet data_;
    std::unique_ptr<GradientLibrary> library_;
    Sequential network_;
    std::unique_ptr<LossGradient> loss_gradient_;
    std::vector<Parameter*> parameters_;
    std::unique_ptr<Optimizer> optimizer_;
    std::vector<EpochMetrics> history_;

    Tensor batch_;
    Tensor grad_logits_;
    std::vector<std::int64_t> labels_;
};

}  // namespace trainer
