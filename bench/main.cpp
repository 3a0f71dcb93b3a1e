#include "arguments.hpp"
#include "environment.hpp"
#include "predict/prediction.hpp"
#include "predict/validation.hpp"
#include "run.hpp"
#include "tune/run_tuning.hpp"
#include "worker.hpp"

#include <backgrad/error.hpp>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

namespace {

// Exit codes: 0 all right, 1 a wrong or failed cell or trouble on the way, 2 a command line that makes no sense.
constexpr int trouble = 1;
constexpr int wrong_arguments = 2;

/// OpenMP binds the first thread of a process that starts under OMP_PROC_BIND, and all that this thread starts inherit
/// the binding: the workers too, whatever their kind. So the variable gets another name before OpenMP's constructor
/// sees it. That early the C library's own getenv and setenv do not work yet.
void put_affinity_aside(int argc, char** argv, char** environment) {
    static std::array<char, 256> aside;
    if (backgrad::bench::is_worker(argc, argv)) return;
    const std::size_t length = std::strlen(backgrad::bench::bind_variable);
    for (char** entry = environment; *entry; ++entry) {
        if (std::strncmp(*entry, backgrad::bench::bind_variable, length) != 0 || (*entry)[length] != '=') continue;
        std::snprintf(aside.data(), aside.size(), "%s%s", backgrad::bench::aside_variable, *entry + length);
        *entry = aside.data();
    }
}
[[gnu::section(".preinit_array"), gnu::used]] void (*const before_constructors)(int, char**,
                                                                                char**) = put_affinity_aside;

/// True if all went well.
bool perform(const backgrad::bench::Arguments& arguments, const std::vector<std::string>& command_line) {
    using Task = backgrad::bench::Arguments::Task;
    if (arguments.task == Task::validate_prediction) return run_validation(arguments, command_line);
    if (arguments.task == Task::tune) return run_tuning(arguments, command_line);
    if (arguments.task == Task::measure) return run(arguments, command_line);
    run_prediction(arguments, command_line);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace backgrad::bench;
    try {
        if (is_worker(argc, argv)) return run_worker(argc, argv);
        std::signal(SIGPIPE, SIG_IGN);  // a worker that ended is reported, not died of
        const auto arguments = parse_arguments(argc, argv);
        if (!arguments) return 0;
        return perform(*arguments, {argv, argv + argc}) ? 0 : trouble;
    } catch (const backgrad::Error& error) {
        std::fprintf(stderr, "backgrad_bench: %s\n", error.what());
        return wrong_arguments;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "backgrad_bench: %s\n", error.what());
        return trouble;
    }
}
