#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace trainer {

/// A progress bar on stderr, drawn at most ten times a second. Silent where stderr is no terminal.
class Progress {
public:
    Progress(std::string title, std::int64_t total);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// `note` follows the bar.
    void show(std::int64_t done, const std::string& note);

private:
    using Clock = std::chrono::steady_clock;

    std::string title_;
    std::int64_t total_;
    bool visible_;
    Clock::time_point start_ = Clock::now();
    Clock::time_point next_ = start_;
};

}  // namespace trainer
