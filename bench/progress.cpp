#include "progress.hpp"

#include <cstdio>

namespace backgrad::bench {
namespace {

std::string figures_of(const Result& result, const std::string& message) {
    if (!result.figures) return result.status + (message.empty() ? "" : ": " + message);
    char text[96];
    std::snprintf(text, sizeof text, "%.4g ms  %.4g GFLOP/s  %.4g GB/s  %.0f%% of roof", result.figures->ms_median,
                  result.figures->gflops, result.figures->gbps, result.figures->percent_of_roof);
    return text;
}

}  // namespace

void Progress::report(const Result& result, const std::string& message) {
    ++done_;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    // Cells differ by orders of magnitude, so this is no more than the mean carried on.
    const auto left =
        static_cast<long>(elapsed.count() / static_cast<double>(done_) * static_cast<double>(total_ - done_));
    std::fprintf(stderr, "[%zu/%zu] ETA %ld:%02ld  %s  %s\n", done_, total_, left / 60, left % 60,
                 title(result.cell).c_str(), figures_of(result, message).c_str());
}

}  // namespace backgrad::bench
