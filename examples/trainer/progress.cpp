#include "progress.hpp"

#include <unistd.h>

#include <cstdio>

namespace trainer {

Progress::Progress(std::string title, std::int64_t total)
    : title_(std::move(title)), total_(total), visible_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    if (visible_) std::fputs("\r\x1b[K", stderr);
}

void Progress::show(std::int64_t done, const std::string& note) {
    const Clock::time_point now = Clock::now();
    if (!visible_ || (now < next_ && done != total_)) return;
    next_ = now + std::chrono::milliseconds(100);
    constexpr int width = 30;
    const int filled = static_cast<int>(width * done / total_);
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double rest = done == 0 ? 0 : seconds * static_cast<double>(total_ - done) / static_cast<double>(done);
    std::fprintf(stderr, "\r\x1b[K%s [%s%s] %lld/%lld, %.0f s left  %s", title_.c_str(),
                 std::string(static_cast<std::size_t>(filled), '#').c_str(),
                 std::string(static_cast<std::size_t>(width - filled), '.').c_str(), static_cast<long long>(done),
                 static_cast<long long>(total_), rest, note.c_str());
    std::fflush(stderr);
}

}  // namespace trainer
