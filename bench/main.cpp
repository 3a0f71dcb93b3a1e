#include "arguments.hpp"
#include "environment.hpp"
#include "run.hpp"
#include "worker.hpp"

#include <backgrad/error.hpp>

#include <csignal>
#include <cstdio>
#include <exception>

namespace {

// Exit codes: 0 all right, 1 a wrong or failed cell or trouble on the way, 2 a command line that makes no sense.
constexpr int trouble = 1;
constexpr int wrong_arguments = 2;

}  // namespace

int main(int argc, char** argv) {
    using namespace backgrad::bench;
    try {
        if (is_worker(argc, argv)) return run_worker(argc, argv);
        put_affinity_aside(argv);
        std::signal(SIGPIPE, SIG_IGN);  // a worker that ended is reported, not died of
        const auto arguments = parse_arguments(argc, argv);
        if (!arguments) return 0;
        return run(*arguments, {argv, argv + argc}) ? 0 : trouble;
    } catch (const backgrad::Error& error) {
        std::fprintf(stderr, "backgrad_bench: %s\n", error.what());
        return wrong_arguments;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "backgrad_bench: %s\n", error.what());
        return trouble;
    }
}
