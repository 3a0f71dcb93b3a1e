#include "arguments.hpp"

#include "capabilities.hpp"
#include "environment.hpp"
#include "harness.hpp"
#include "shape_files.hpp"
#include "variants/variant.hpp"

#include <backgrad/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <ctime>

namespace backgrad::bench {
namespace {

std::string quoted(const std::string& text) { return "'" + text + "'"; }

int parse_positive(const std::string& option, const std::string& text, int largest) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > largest) {
        throw Error(option, "an integer from 1 to " + std::to_string(largest), quoted(text));
    }
    return value;
}

std::string parse_word(const std::string& option, const std::vector<std::string>& words, const std::string& text) {
    if (std::find(words.begin(), words.end(), text) == words.end()) {
        throw Error(option, join_alternatives(words), quoted(text));
    }
    return text;
}

template <class T>
bool same(const T& a, const T& b) {
    return a == b;
}

bool same(const ScheduleAndChunk& a, const ScheduleAndChunk& b) {
    return a.schedule == b.schedule && a.chunk == b.chunk;
}

template <class Enum>
auto parser(const char* option) {
    return [option](const std::string& word) { return parse<Enum>(option, word); };
}

/// Fills `list` with parse(word) for each word of the option, in order, each value once; an absent option leaves it.
template <class T, class Parse>
void fill_list(std::vector<T>& list, const std::vector<std::string>& words, Parse parse) {
    if (words.empty()) return;
    list.clear();
    for (const std::string& word : words) {
        const T value = parse(word);
        const bool known = std::any_of(list.begin(), list.end(), [&](const T& other) { return same(other, value); });
        if (!known) list.push_back(value);
    }
}

std::vector<std::string> all_modes() {
    std::vector<std::string> modes;
    for (const auto& [operation, word] : names<Operation>) {
        for (const std::string& mode : modes_of(operation)) {
            if (std::find(modes.begin(), modes.end(), mode) == modes.end()) modes.push_back(mode);
        }
    }
    return modes;
}

std::vector<std::string> variant_names() {
    std::vector<std::string> names;
    for (const Variant& variant : variants()) names.push_back(variant.name);
    return names;
}

Isa parse_isa(const std::string& text) {
    const Isa isa = parse<Isa>("--isas", text);
    if (isa == Isa::automatic) return best_isa();
    if (!isa_available(isa)) throw Error("--isas", "an instruction set that this build and CPU have", quoted(text));
    return isa;
}

std::string default_folder() {
    const std::time_t now = std::time(nullptr);
    char text[32];
    std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", std::localtime(&now));
    return std::string("results/") + text;
}

/// The words of each list option as they stand on the command line.
struct Words {
    std::vector<std::string> shapes, batch, ops, modes, variants, threads, layouts, dtypes, isas, caches, scalings,
        partitions, schedules, reductions;
    std::string out = default_folder();
    std::optional<std::string> machine;
    std::optional<std::string> blockings;
    bool predict = false, validate_prediction = false, tune = false;
};

/// Splits at commas here, because CLI11 drops the empty word of "a,,b".
void append_words(std::vector<std::string>& words, const std::string& option, const std::string& text) {
    std::size_t begin = 0;
    while (begin <= text.size()) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        if (begin == end) throw Error(option, "a list without empty places", quoted(text));
        words.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
}

void declare(CLI::App& app, Words& words) {
    const auto list = [&](const char* option, std::vector<std::string>& target, const std::string& help) {
        const auto split = [option, &target](const std::string& text) { append_words(target, option, text); };
        app.add_option_function<std::string>(option, split, help)->type_name("LIST");
    };
    list("--shapes", words.shapes, "Sets and CSV files: " + join_alternatives(shape_set_names()) + ", or paths");
    list("--batch", words.batch, "Batch size instead of the shapes' own");
    list("--ops", words.ops, "Operations [all that fit the shape]: " + listed_names<Operation>());
    list("--modes", words.modes, "Flavours of the operations: " + join_alternatives(all_modes()));
    list("--variants", words.variants, "Who computes [all]: " + join_alternatives(variant_names()));
    list("--threads", words.threads, "Thread counts [1 and all]");
    list("--layouts", words.layouts, "Memory orders [nchw]: " + listed_names<Layout>());
    list("--dtypes", words.dtypes, "Element types [f32]: " + listed_names<Dtype>());
    list("--isas", words.isas, "Instruction sets [the best]: " + listed_names<Isa>());
    list("--cache", words.caches, "Where the data lies [warm]: " + listed_names<Cache>());
    list("--scaling", words.scalings,
         "What more threads do; weak: as many times the batch [strong]: " + listed_names<Scaling>());
    list("--partitions", words.partitions, "Strategies [auto]: " + listed_names<Partition>());
    list("--schedules", words.schedules, "Strategies [auto]: " + listed_names<Schedule>());
    list("--reductions", words.reductions, "Strategies [auto]: " + listed_names<Reduction>());
    app.add_option("--out", words.out, "New folder for results.jsonl and context.json [results/DATE-TIME]")
        ->type_name("DIR");
    app.add_flag("--predict", words.predict, "Predict how plans scale instead of measuring; writes prediction.jsonl");
    app.add_option("--machine", words.machine, "Machine to predict for [this one's cores, by their tasks' serial time]")
        ->type_name("FILE");
    app.add_flag("--validate-prediction", words.validate_prediction, "Measure what --predict says, here");
    app.add_flag(
        "--tune", words.tune,
        "Time the blockings that convolutions' plans know, and say what the chosen ones lose; writes tune.jsonl");
    app.add_option("--blockings", words.blockings,
                   "With --tune: most blockings of a cell, the cheapest by the models [16]")
        ->type_name("N");
    app.footer("Lists are comma-separated. Google Benchmark's --benchmark_* flags are passed on.");
}

/// True if the program goes on. CLI11's own errors (unknown options, missing values) become Error.
bool parse_words(CLI::App& app, std::vector<std::string> arguments) {
    try {
        std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them last first
        app.parse(arguments);
    } catch (const CLI::Success& success) {
        app.exit(success);
        return false;
    } catch (const CLI::ParseError& error) {
        throw Error("command line", "the options that --help lists", error.what());
    }
    return true;
}

/// Google Benchmark writes no files here: rows come from several processes and go to one place.
void refuse_output_flags(const std::vector<std::string>& flags) {
    for (const std::string& flag : flags) {
        for (const char* taken : {"--benchmark_out", "--benchmark_format", "--benchmark_display_aggregates_only",
                                  "--benchmark_report_aggregates_only"}) {
            if (flag.rfind(taken, 0) == 0) throw Error("command line", "--out DIR to say where results go", flag);
        }
    }
}

/// Predictions are of one kind each: their rows do not tell what the lists would vary.
void refuse_lists(const Words& words, const char* option) {
    const auto at_most_one = [option](const char* list, const std::vector<std::string>& given) {
        if (given.size() > 1) throw Error(list, std::string("at most one value together with ") + option, "a list");
    };
    at_most_one("--modes", words.modes);
    at_most_one("--dtypes", words.dtypes);
    at_most_one("--isas", words.isas);
    at_most_one("--schedules", words.schedules);
    at_most_one("--reductions", words.reductions);
    if (!words.variants.empty()) throw Error("--variants", std::string("nothing together with ") + option, "a value");
    if (!words.scalings.empty()) throw Error("--scaling", std::string("nothing together with ") + option, "a value");
    if (!words.caches.empty()) throw Error("--cache", std::string("nothing together with ") + option, "a value");
}

/// Fills what has to do with predictions, last: their options refuse others.
void interpret_prediction(Arguments& a, const Words& words) {
    if (words.predict && words.validate_prediction) {
        throw Error("--validate-prediction", "no --predict beside it", "both");
    }
    if (words.machine && !words.predict) throw Error("--machine", "--predict beside it", "none");
    if (!words.predict && !words.validate_prediction) return;
    refuse_lists(words, words.predict ? "--predict" : "--validate-prediction");
    if (std::find(a.operations.begin(), a.operations.end(), Operation::launch) != a.operations.end()) {
        throw Error("--ops", "operations with work to predict", "launch");
    }
    if (a.schedules.front().chunk != 0) throw Error("--schedules", "no chunk in a prediction", words.schedules.front());
    a.task = words.predict ? Arguments::Task::predict : Arguments::Task::validate_prediction;
    if (words.machine) a.machine = read_machine(*words.machine);
    if (words.predict) return;
    for (const int threads : a.threads) {
        if (threads <= usable_cpus()) continue;
        throw Error("--threads", "at most the " + std::to_string(usable_cpus()) + " usable CPUs to validate with",
                    std::to_string(threads));
    }
}

/// Blockings are those of the automatic strategy.
void refuse_strategies(const Words& words) {
    const auto none = [](const char* option, const std::vector<std::string>& given) {
        if (!given.empty()) throw Error(option, "nothing together with --tune", "a value");
    };
    none("--modes", words.modes);
    none("--scaling", words.scalings);
    none("--cache", words.caches);
    none("--partitions", words.partitions);
    none("--schedules", words.schedules);
    none("--reductions", words.reductions);
    if (words.dtypes.size() > 1) throw Error("--dtypes", "at most one value together with --tune", "a list");
    if (words.variants.size() > 1) throw Error("--variants", "at most one value together with --tune", "a list");
}

/// Fills what has to do with tuning.
void interpret_tuning(Arguments& a, const Words& words) {
    if (words.blockings && !words.tune) throw Error("--blockings", "--tune beside it", "none");
    if (!words.tune) return;
    if (a.task != Arguments::Task::measure) throw Error("--tune", "no prediction beside it", "both");
    refuse_strategies(words);
    a.task = Arguments::Task::tune;
    if (words.blockings) a.blockings = static_cast<std::size_t>(parse_positive("--blockings", *words.blockings, 4096));
    if (words.variants.empty()) a.variants = {backend_available(Backend::openmp) ? "openmp" : "std"};
    if (!variant_named(a.variants.front()).has_strategies)
        throw Error("--variants", "a back end of backgrad's together with --tune", "'" + a.variants.front() + "'");
    for (const Operation operation : a.operations)
        if (kind_of(operation) != ShapeKind::conv2d)
            throw Error("--ops", "operations with blockings to tune, those of conv2d", std::string(name(operation)));
    if (a.operations.empty()) a.operations = {Operation::conv2d_backward_input, Operation::conv2d_backward_weight};
}

Arguments interpret(const Words& words) {
    Arguments a;
    const auto text = [](const std::string& word) { return word; };
    fill_list(a.shapes, words.shapes, text);
    if (words.batch.size() > 1) throw Error("--batch", "one integer", "a list");
    if (!words.batch.empty()) a.batch = parse_positive("--batch", words.batch[0], 1 << 20);
    fill_list(a.operations, words.ops, parser<Operation>("--ops"));
    fill_list(a.modes, words.modes, [](auto& word) { return parse_word("--modes", all_modes(), word); });
    a.variants = variant_names();
    fill_list(a.variants, words.variants, [](auto& word) { return parse_word("--variants", variant_names(), word); });
    a.threads = {1};
    if (const int all = usable_cpus(); all > 1) a.threads.push_back(all);
    fill_list(a.threads, words.threads, [](auto& word) { return parse_positive("--threads", word, 4096); });
    fill_list(a.layouts, words.layouts, parser<Layout>("--layouts"));
    fill_list(a.dtypes, words.dtypes, parser<Dtype>("--dtypes"));
    a.isas = {best_isa()};
    fill_list(a.isas, words.isas, parse_isa);
    fill_list(a.caches, words.caches, parser<Cache>("--cache"));
    fill_list(a.scalings, words.scalings, parser<Scaling>("--scaling"));
    fill_list(a.partitions, words.partitions, parser<Partition>("--partitions"));
    fill_list(a.schedules, words.schedules, [](auto& word) { return parse_schedule("--schedules", word); });
    fill_list(a.reductions, words.reductions, parser<Reduction>("--reductions"));
    if (words.out.empty()) throw Error("--out", "a folder", "an empty name");
    a.out = words.out;
    interpret_prediction(a, words);
    interpret_tuning(a, words);
    return a;
}

}  // namespace

std::optional<Arguments> parse_arguments(int argc, char** argv) {
    std::vector<std::string> own, benchmark_flags;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        (word.rfind("--benchmark_", 0) == 0 ? benchmark_flags : own).push_back(word);
    }
    CLI::App app("Measures the backward passes of convolutional networks across threading strategies.",
                 "backgrad_bench");
    Words words;
    declare(app, words);
    if (!parse_words(app, own)) return std::nullopt;
    refuse_output_flags(benchmark_flags);
    check_benchmark_flags(benchmark_flags);
    check_environment();
    Arguments arguments = interpret(words);
    arguments.benchmark_flags = benchmark_flags;
    return arguments;
}

}  // namespace backgrad::bench
