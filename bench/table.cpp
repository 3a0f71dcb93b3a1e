#include "table.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

namespace backgrad::bench {
namespace {

/// What rows must share to be compared: the problem, the ISA and the thread count.
std::string comparison_of(const Cell& cell) {
    std::string text = std::string(name(cell.operation)) + "  " + cell.mode + "  " + cell.shape.name + "  " +
                       std::string(name(cell.layout)) + "  " + std::string(name(cell.dtype)) + "  " +
                       std::string(name(cell.cache)) + "  " + std::string(name(cell.isa));
    return text + "  threads " + std::to_string(cell.threads);
}

/// The variant, and its strategy where one was named.
std::string contender_of(const Cell& cell) {
    std::string text = cell.variant;
    if (cell.partition != Partition::automatic) text += " " + std::string(name(cell.partition));
    if (cell.schedule.schedule != Schedule::automatic) text += " " + schedule_name(cell.schedule);
    if (cell.reduction != Reduction::automatic) text += " " + std::string(name(cell.reduction));
    return text;
}

/// A launch's peer is the bare region.
bool is_peer(const Result& result) {
    return result.cell.variant.rfind("onednn", 0) == 0 || result.cell.variant == "bare";
}

/// The fastest time among the rows that `wanted` picks, or 0.
template <class Wanted>
double fastest(const std::vector<const Result*>& rows, Wanted wanted) {
    double best = 0;
    for (const Result* row : rows) {
        if (!row->figures || !wanted(*row)) continue;
        best = best == 0 ? row->figures->ms_median : std::min(best, row->figures->ms_median);
    }
    return best;
}

std::string ratio(double reference, double time) {
    if (reference == 0) return "-";
    char text[32];
    std::snprintf(text, sizeof text, "%.2fx", reference / time);
    return text;
}

std::string megabytes(double bytes) {
    if (bytes == 0) return "-";
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", bytes / 1e6);
    return text;
}

std::string format_row(const Result& row, double serial, double peer) {
    char text[160];
    const std::string contender = contender_of(row.cell);
    if (!row.figures) {
        std::snprintf(text, sizeof text, "  %-28s %12s\n", contender.c_str(), row.status.c_str());
        return text;
    }
    const auto& f = *row.figures;
    std::snprintf(text, sizeof text, "  %-28s %12.4g %10.4g %10.1f %10.1f %8.0f %10s %10s %10s\n", contender.c_str(),
                  f.ms_median, f.ms_iqr, f.gflops, f.gbps, f.percent_of_roof, ratio(serial, f.ms_median).c_str(),
                  ratio(peer, f.ms_median).c_str(), megabytes(f.bytes_saved).c_str());
    return text;
}

}  // namespace

std::string format_table(const std::vector<Result>& results) {
    std::vector<std::string> order;
    std::map<std::string, std::vector<const Result*>> blocks;
    for (const Result& result : results) {
        auto& rows = blocks[comparison_of(result.cell)];
        if (rows.empty()) order.push_back(comparison_of(result.cell));
        rows.push_back(&result);
    }
    char header[160];
    std::snprintf(header, sizeof header, "  %-28s %12s %10s %10s %10s %8s %10s %10s %10s\n", "variant", "ms", "iqr ms",
                  "GFLOP/s", "GB/s", "% roof", "vs serial", "vs peer", "MB saved");
    std::string table = header;
    for (const std::string& comparison : order) {
        const auto& rows = blocks[comparison];
        const double serial = fastest(rows, [](const Result& row) { return row.cell.variant == "serial"; });
        const double peer = fastest(rows, is_peer);
        table += comparison + "\n";
        for (const Result* row : rows) table += format_row(*row, serial, peer);
    }
    return table;
}

}  // namespace backgrad::bench
