#include "predict/prediction_table.hpp"

#include "statistics.hpp"

#include <cstdio>
#include <map>

namespace backgrad::bench {
namespace {

struct Means {
    std::vector<double> balances, efficiencies;
};

/// "operation  layout  partition", what a mean is taken over the shapes of.
std::string family_of(const Cell& cell) {
    char text[120];
    std::snprintf(text, sizeof text, "%-26s %-6s %-13s %7d", std::string(name(cell.operation)).c_str(),
                  std::string(name(cell.layout)).c_str(), std::string(name(cell.partition)).c_str(), cell.threads);
    return text;
}

std::string format_row(const std::string& family, const std::string& shape, double balance, double efficiency,
                       const std::string& tasks, const std::string& partial_bytes) {
    char text[240];
    std::snprintf(text, sizeof text, "%s  %-32s %8s %12s %8.3f %10.3f\n", family.c_str(), shape.c_str(), tasks.c_str(),
                  partial_bytes.c_str(), balance, efficiency);
    return text;
}

}  // namespace

std::string format_predictions(const std::vector<Prediction>& predictions) {
    char header[240];
    std::snprintf(header, sizeof header, "%-26s %-6s %-13s %7s  %-32s %8s %12s %8s %10s\n", "operation", "layout",
                  "partition", "threads", "shape", "tasks", "partials, B", "balance", "efficiency");
    std::string table = header;
    std::vector<std::string> order;
    std::map<std::string, Means> means;
    for (const Prediction& p : predictions) {
        const std::string family = family_of(p.cell);
        if (!means.contains(family)) order.push_back(family);
        means[family].balances.push_back(p.balance);
        means[family].efficiencies.push_back(p.efficiency);
        table += format_row(family, p.cell.shape.name, p.balance, p.efficiency, std::to_string(p.tasks),
                            std::to_string(p.partial_bytes));
    }
    table += "\n";
    for (const std::string& family : order) {
        table += format_row(family, "geometric mean", geometric_mean(means[family].balances),
                            geometric_mean(means[family].efficiencies), "", "");
    }
    return table;
}

}  // namespace backgrad::bench
