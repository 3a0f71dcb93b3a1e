// Trains a small network on images in IDX files. `--help` lists the options.
#include "idx.hpp"
#include "training.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>

namespace {

trainer::Settings parse(CLI::App& app, int count, char** arguments) {
    trainer::Settings s;
    app.add_option("--model", s.model, "lenet5 or resnet8")->capture_default_str();
    app.add_option("--epochs", s.epochs, "Epochs in all, those before a resume included")->capture_default_str();
    app.add_option("--threads", s.threads, "Threads; 0: all that the process may use")->capture_default_str();
    app.add_option("--backward", s.backward, "Who computes the backward passes: backgrad or onednn")
        ->capture_default_str();
    app.add_option("--data", s.data, "Folder with the four IDX files of a data set")->capture_default_str();
    app.add_option("--out", s.out, "Folder for metrics.jsonl and the checkpoint")->capture_default_str();
    app.add_flag("--resume", s.resume, "Go on after the last finished epoch in --out, if there is one");
    app.add_option("--optimizer", s.optimizer, "sgd or adam")->capture_default_str();
    app.add_option("--learning-rate", s.learning_rate, "Of the first epoch")->capture_default_str();
    app.add_option("--learning-rate-decay", s.learning_rate_decay, "Factor from epoch to epoch")->capture_default_str();
    app.add_option("--weight-decay", s.weight_decay, "Times the learning rate, taken from each weight per step")
        ->capture_default_str();
    app.add_option("--batch", s.batch, "Images per step")->capture_default_str();
    app.add_option("--limit", s.limit, "Use the first N images of each set only; 0: all")->capture_default_str();
    app.add_option("--seed", s.seed, "Of starting weights and the order of images")->capture_default_str();
    app.parse(count, arguments);
    return s;
}

}  // namespace

int main(int count, char** arguments) {
    CLI::App app("Trains a small network on images: forward passes by oneDNN, backward passes by backgrad.");
    try {
        trainer::Training(parse(app, count, arguments)).run();
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "backgrad_trainer: %s\n", error.what());
        return 1;
    }
}
