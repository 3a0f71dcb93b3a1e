#include "tune/tune_table.hpp"

#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <utility>

namespace backgrad::bench {
namespace {

constexpr double goal = 0.03;

/// Names end with a star where the sums are added in another order than the chosen blocking adds them.
std::string marked(const TimedBlocking& blocking) { return blocking.name + (blocking.same_bits ? "" : "*"); }

std::string format_row(const TunedCell& tuned) {
    const Cell& cell = tuned.cell;
    char text[400];
    std::snprintf(text, sizeof text, "%-23s %-6s %-6s %7d  %-34s %-36s %-36s %6.1f%%\n",
                  std::string(name(cell.operation)).c_str(), std::string(name(cell.layout)).c_str(),
                  std::string(name(cell.isa)).c_str(), cell.threads, cell.shape.name.c_str(),
                  tuned.chosen()->name.c_str(), marked(*tuned.best()).c_str(), 100 * loss_of(tuned, *tuned.chosen()));
    return text;
}

std::string format_mean(const std::string& operation, const std::string& layers, const std::vector<double>& slower) {
    const double loss = geometric_mean(slower) - 1;
    char text[200];
    std::snprintf(text, sizeof text, "%-23s %-13s %4zu cells %6.1f%%  %s\n", operation.c_str(), layers.c_str(),
                  slower.size(), 100 * loss, loss < goal ? "under 3%" : "NOT under 3%");
    return text;
}

}  // namespace

const TimedBlocking* TunedCell::best() const {
    const TimedBlocking* best = nullptr;
    for (const TimedBlocking& blocking : blockings) {
        if (blocking.outcome.milliseconds.empty()) continue;
        if (!best || median_seconds(blocking) < median_seconds(*best)) best = &blocking;
    }
    return best;
}

const TimedBlocking* TunedCell::chosen() const {
    const auto found = std::find_if(blockings.begin(), blockings.end(), [](const auto& b) { return b.chosen; });
    return found == blockings.end() ? nullptr : &*found;
}

double median_seconds(const TimedBlocking& blocking) {
    const std::vector<double>& milliseconds = blocking.outcome.milliseconds;
    return milliseconds.empty() ? std::numeric_limits<double>::quiet_NaN() : quantile(milliseconds, 0.5) / 1e3;
}

double loss_of(const TunedCell& tuned, const TimedBlocking& blocking) {
    const TimedBlocking* best = tuned.best();
    return best ? median_seconds(blocking) / median_seconds(*best) - 1 : std::numeric_limits<double>::quiet_NaN();
}

std::string layer_class(const Cell& cell) {
    const Conv2dShape s = conv2d_shape(cell.shape);
    const std::int64_t in = s.in_channels / s.groups, out = s.out_channels / s.groups;
    if (in == 1 && out == 1) return "depthwise";
    if (std::min(in, out) < 20) return "few channels";
    return s.kernel_height == 1 && s.kernel_width == 1 ? "1x1" : "wide";
}

std::string format_tuning(const std::vector<TunedCell>& tuned) {
    char header[400];
    std::snprintf(header, sizeof header, "%-23s %-6s %-6s %7s  %-34s %-36s %-36s %7s\n", "operation", "layout", "isa",
                  "threads", "shape", "chosen", "best (*: other bits)", "loss");
    std::string table = header;
    std::map<std::pair<std::string, std::string>, std::vector<double>> slower;
    for (const TunedCell& cell : tuned) {
        if (!cell.chosen() || cell.chosen()->outcome.milliseconds.empty()) continue;
        table += format_row(cell);
        slower[{std::string(name(cell.cell.operation)), layer_class(cell.cell)}].push_back(
            1 + loss_of(cell, *cell.chosen()));
    }
    table += "\nWhat the chosen blockings lose, geometric mean:\n";
    for (const auto& [key, values] : slower) table += format_mean(key.first, key.second, values);
    return table;
}

}  // namespace backgrad::bench
