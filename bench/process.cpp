#include "process.hpp"

#include "capabilities.hpp"
#include "environment.hpp"
#include "protocol.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace backgrad::bench {
namespace {

struct Pipe {
    int ends[2];
    Pipe() {
        // Close on exec: a worker that held another's pipe open would keep it from ending.
        if (pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
    }
};

std::string comma_list(const std::vector<int>& values) {
    std::string text;
    for (const int value : values) text += (text.empty() ? "" : ",") + std::to_string(value);
    return text;
}

}  // namespace

WorkerKind worker_kind(const Cell& cell) { return {cell.isa, cell.threads, variant_named(cell.variant).pool}; }

WorkerProcess::WorkerProcess(const WorkerKind& kind, const std::vector<std::string>& benchmark_flags) : kind_(kind) {
    const Pipe request, answer;
    pid_ = fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) start(request.ends[0], answer.ends[1], benchmark_flags);
    close(request.ends[0]);
    close(answer.ends[1]);
    requests_ = fdopen(request.ends[1], "w");
    answers_ = fdopen(answer.ends[0], "r");
}

WorkerProcess::~WorkerProcess() {
    std::fclose(requests_);  // the end of its requests ends the worker
    std::fclose(answers_);
    if (alive()) waitpid(pid_, nullptr, 0);
}

/// The child's side of the fork; does not return.
void WorkerProcess::start(int request, int answer, const std::vector<std::string>& benchmark_flags) {
    // Move both out of the way first, then to their places, where dup2 leaves them open across exec.
    const int from = fcntl(request, F_DUPFD_CLOEXEC, 10), to = fcntl(answer, F_DUPFD_CLOEXEC, 10);
    dup2(from, request_fd);
    dup2(to, answer_fd);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    for (const auto& [name, value] : worker_environment(kind_)) setenv(name.c_str(), value.c_str(), 1);
    std::vector<std::string> words{"backgrad_bench", "--worker", std::string(name(kind_.isa)),
                                   std::to_string(kind_.threads), comma_list(allowed_cpus())};
    words.insert(words.end(), benchmark_flags.begin(), benchmark_flags.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    execv("/proc/self/exe", pointers.data());
    std::perror("backgrad_bench: cannot start a worker");
    _exit(127);
}

bool WorkerProcess::send(const std::string& line) {
    return std::fputs((line + "\n").c_str(), requests_) >= 0 && std::fflush(requests_) == 0;
}

bool WorkerProcess::receive(std::string& line) {
    char* text = nullptr;
    std::size_t size = 0;
    const ssize_t length = getline(&text, &size, answers_);
    line.assign(text ? text : "", length > 0 ? static_cast<std::size_t>(length) : 0);
    std::free(text);
    return length > 0;
}

std::string WorkerProcess::reap() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    if (WIFSIGNALED(status)) return std::string("a worker process ended by signal: ") + strsignal(WTERMSIG(status));
    return "a worker process ended with exit code " + std::to_string(WEXITSTATUS(status));
}

Roof WorkerProcess::measure_roof(Dtype dtype) {
    std::string line;
    if (!send(nlohmann::json{{"roof", dtype}}.dump()) || !receive(line)) {
        throw std::runtime_error(reap() + " while it measured the roof");
    }
    return nlohmann::json::parse(line).get<Roof>();
}

std::vector<TimedBlocking> WorkerProcess::tune(const Cell& cell, std::size_t most) {
    std::string line;
    if (!send(nlohmann::json{{"tune", cell}, {"most", most}}.dump()) || !receive(line)) {
        throw std::runtime_error(reap() + " while it timed blockings of " + title(cell));
    }
    return nlohmann::json::parse(line).get<std::vector<TimedBlocking>>();
}

void WorkerProcess::measure(const std::vector<Cell>& cells,
                            const std::function<void(std::size_t, const Outcome&)>& report) {
    std::vector<bool> reported(cells.size());
    std::string line;
    bool complete = false;
    if (send(nlohmann::json{{"measure", cells}}.dump())) {
        while (receive(line)) {
            const nlohmann::json answer = nlohmann::json::parse(line);
            complete = answer.is_null();
            if (complete) break;
            const std::size_t number = answer.at("number");
            reported[number] = true;
            report(number, answer.at("outcome").get<Outcome>());
        }
    }
    if (complete) return;
    const std::string end = reap();
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (!reported[i]) report(i, {"failed", end, "", {}});
    }
}

}  // namespace backgrad::bench
