#include "training.hpp"

#include "idx.hpp"
#include "progress.hpp"

#include <omp.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>

namespace trainer {
namespace {

namespace fs = std::filesystem;

/// Seconds since it was made.
class Stopwatch {
public:
    double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point start_ = Clock::now();
};

std::unique_ptr<GradientLibrary> make_library(const Settings& settings) {
    if (settings.backward == "backgrad") return make_backgrad_gradients(omp_get_max_threads());
    if (settings.backward == "onednn") return make_onednn_gradients();
    throw UserError("--backward: expected backgrad or onednn, got \"" + settings.backward + '"');
}

Settings checked(Settings settings) {
    const auto at_least = [](const char* name, double value, double least) {
        if (value >= least) return;
        throw UserError(std::string(name) + ": expected at least " + std::to_string(static_cast<int>(least)) +
                        ", got " + std::to_string(value));
    };
    at_least("--epochs", settings.epochs, 1);
    at_least("--threads", settings.threads, 0);
    at_least("--batch", static_cast<double>(settings.batch), 1);
    at_least("--limit", static_cast<double>(settings.limit), 0);
    if (settings.threads > 0) omp_set_num_threads(settings.threads);
    return settings;
}

/// What the bits of a run depend on. Threads are among it, because they may change oneDNN's sums.
nlohmann::json identity(const Settings& s) {
    return {{"model", s.model},
            {"backward", s.backward},
            {"threads", omp_get_max_threads()},
            {"optimizer", s.optimizer},
            {"learning_rate", s.learning_rate},
            {"learning_rate_decay", s.learning_rate_decay},
            {"weight_decay", s.weight_decay},
            {"batch", s.batch},
            {"limit", s.limit},
            {"seed", s.seed}};
}

std::string checkpoint_path(const Settings& settings) { return settings.out + "/checkpoint"; }

/// A new run never overwrites an old one.
void prepare_folder(const Settings& settings) {
    std::error_code error;
    fs::create_directories(settings.out, error);
    if (error) throw UserError("--out: cannot make " + settings.out + ": " + error.message());
    if (!settings.resume && fs::exists(checkpoint_path(settings))) {
        throw UserError("--out: " + settings.out + " holds a run; resume it with --resume or name another folder");
    }
}

/// Index of the largest of the row's logits.
std::int64_t prediction(const float* logits, std::int64_t classes) {
    return std::max_element(logits, logits + classes) - logits;
}

/// -log(softmax(logits)[label])
double cross_entropy(const float* logits, std::int64_t classes, std::int64_t label) {
    const double largest = *std::max_element(logits, logits + classes);
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(logits[c] - largest);
    return std::log(sum) + largest - logits[label];
}

}  // namespace

struct Training::Tally {
    double loss = 0;
    std::int64_t correct = 0;
    double forward_seconds = 0;
    double backward_seconds = 0;
};

Training::Training(const Settings& settings)
    : settings_(checked(settings)),
      data_(read_data_set(settings.data, settings.limit)),
      library_(make_library(settings)),
      network_(make_model(settings.model, {settings.batch, 1, data_.train.height, data_.train.width}, data_.classes,
                          *library_, settings.seed)),
      loss_gradient_(library_->softmax_cross_entropy(settings.batch, data_.classes)),
      batch_(network_.input_dims()),
      grad_logits_(network_.output_dims()),
      labels_(static_cast<std::size_t>(settings.batch)) {
    if (settings.batch > data_.train.count()) {
        throw UserError("--batch: expected at most the " + std::to_string(data_.train.count()) +
                        " training images, got " + std::to_string(settings.batch));
    }
    network_.collect(parameters_);
    optimizer_ = make_optimizer(settings.optimizer, parameters_, static_cast<float>(settings.weight_decay));
    prepare_folder(settings_);
    if (settings.resume && fs::exists(checkpoint_path(settings_))) {
        Checkpoint saved = checkpoint();
        load_checkpoint(checkpoint_path(settings_), saved);
        history_ = saved.history;
    }
}

Checkpoint Training::checkpoint() {
    Checkpoint result{identity(settings_), history_, {}};
    for (Parameter* const parameter : parameters_) result.values.push_back(&parameter->value);
    for (Values* const values : optimizer_->state()) result.values.push_back(values);
    return result;
}

/// The checkpoint first: it alone decides where a resumed run goes on, and the metrics follow it.
void Training::save(const EpochMetrics& metrics) {
    history_.push_back(metrics);
    save_checkpoint(checkpoint_path(settings_), checkpoint());
    write_metrics(settings_.out + "/metrics.jsonl", history_);
}

void Training::run() {
    write_metrics(settings_.out + "/metrics.jsonl", history_);
    std::printf("%s, %lld training images, %d threads, backward by %s\n", settings_.model.c_str(),
                static_cast<long long>(data_.train.count()), omp_get_max_threads(), settings_.backward.c_str());
    for (int epoch = static_cast<int>(history_.size()) + 1; epoch <= settings_.epochs; ++epoch) {
        const EpochMetrics m = run_epoch(epoch);
        save(m);
        std::printf("epoch %d/%d  loss %.4f  train %.2f%%  test %.2f%%  %.0f images/s  backward %.0f%% of %.1f s\n",
                    epoch, settings_.epochs, m.loss, 100 * m.train_accuracy, 100 * m.test_accuracy, m.images_per_second,
                    100 * m.backward_seconds / m.total_seconds, m.total_seconds);
        std::fflush(stdout);
    }
    std::printf("results: %s\n", settings_.out.c_str());
}

EpochMetrics Training::run_epoch(int epoch) {
    const Stopwatch total;
    const std::vector<std::int64_t> order = shuffled(data_.train.count(), settings_.seed, epoch);
    const std::int64_t batches = data_.train.count() / settings_.batch;  // the rest waits for another order
    const auto rate = static_cast<float>(settings_.learning_rate * std::pow(settings_.learning_rate_decay, epoch - 1));
    Tally tally;
    Progress progress("epoch " + std::to_string(epoch) + '/' + std::to_string(settings_.epochs), batches);
    for (std::int64_t b = 0; b < batches; ++b) {
        load_batch(data_, data_.train, order, b * settings_.batch, batch_, labels_);
        train_batch(tally);
        optimizer_->step(rate);
        progress.show(b + 1, "loss " + std::to_string(tally.loss / static_cast<double>((b + 1) * settings_.batch)));
    }
    const double seconds = total.seconds();
    const auto images = static_cast<double>(batches * settings_.batch);
    const double accuracy = test_accuracy();
    return {.epoch = epoch,
            .loss = tally.loss / images,
            .train_accuracy = static_cast<double>(tally.correct) / images,
            .test_accuracy = accuracy,
            .images_per_second = images / seconds,
            .forward_seconds = tally.forward_seconds,
            .backward_seconds = tally.backward_seconds,
            .total_seconds = total.seconds()};
}

void Training::train_batch(Tally& tally) {
    const Stopwatch forward;
    const Tensor& logits = network_.forward(batch_, true);
    tally.forward_seconds += forward.seconds();
    for (std::int64_t row = 0; row < settings_.batch; ++row) {
        const float* const values = logits.data() + row * data_.classes;
        const std::int64_t label = labels_[static_cast<std::size_t>(row)];
        tally.loss += cross_entropy(values, data_.classes, label);
        tally.correct += prediction(values, data_.classes) == label;
    }
    const Stopwatch backward;
    loss_gradient_->run(logits.data(), labels_.data(), grad_logits_.data());
    network_.backward(batch_, grad_logits_, nullptr);
    tally.backward_seconds += backward.seconds();
}

double Training::test_accuracy() {
    const std::int64_t count = data_.test.count();
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    std::int64_t correct = 0;
    for (std::int64_t first = 0; first < count; first += settings_.batch) {
        load_batch(data_, data_.test, order, first, batch_, labels_);
        const Tensor& logits = network_.forward(batch_, false);
        for (std::int64_t row = 0; row < std::min(settings_.batch, count - first); ++row) {
            correct += prediction(logits.data() + row * data_.classes, data_.classes) ==
                       labels_[static_cast<std::size_t>(row)];
        }
    }
    return static_cast<double>(correct) / static_cast<double>(count);
}

}  // namespace trainer
