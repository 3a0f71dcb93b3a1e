#include "results.hpp"

#include "cost.hpp"
#include "statistics.hpp"
#include "variants/variant.hpp"

#include <backgrad/error.hpp>

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace backgrad::bench {
namespace {

/// A failed write leaves results that nobody should take for complete.
void require_written(bool written, const std::filesystem::path& path) {
    if (!written) throw std::runtime_error("cannot write " + path.string() + ": " + std::strerror(errno));
}

}  // namespace

Result make_result(const Cell& cell, const Outcome& outcome, const Roof& roof) {
    Result result{cell, outcome.status, outcome.checksum, static_cast<int>(outcome.milliseconds.size()), std::nullopt};
    if (outcome.milliseconds.empty()) return result;
    const auto& ms = outcome.milliseconds;
    const double median = quantile(ms, 0.5);
    const Cost cost = cost_of(cell);
    const double gflops = cost.flops / median / 1e6, gbps = cost.bytes / median / 1e6;
    const double percent = 100 * std::max(gflops / roof.gflops, gbps / roof.gbps);
    const double saved = variant_named(cell.variant).has_strategies ? cost.bytes_between : 0;
    result.figures = {median, quantile(ms, 0), quantile(ms, 0.75) - quantile(ms, 0.25), gflops, gbps, percent, saved};
    return result;
}

nlohmann::ordered_json to_row(const Result& result) {
    nlohmann::ordered_json row = describe(result.cell);
    row["status"] = result.status;
    const auto& figures = result.figures;
    const auto set = [&](const char* key, double Result::Figures::*member) {
        if (figures) row[key] = (*figures).*member;
        else row[key] = nullptr;
    };
    set("ms_median", &Result::Figures::ms_median);
    set("ms_min", &Result::Figures::ms_min);
    set("ms_iqr", &Result::Figures::ms_iqr);
    set("gflops", &Result::Figures::gflops);
    set("gbps", &Result::Figures::gbps);
    set("percent_of_roof", &Result::Figures::percent_of_roof);
    set("bytes_saved", &Result::Figures::bytes_saved);
    row["repetitions"] = nullptr;
    row["checksum"] = nullptr;
    if (figures) {
        row["repetitions"] = result.repetitions;
        row["checksum"] = result.checksum;
    }
    return row;
}

ResultFolder::ResultFolder(const std::filesystem::path& folder, const std::string& rows)
    : folder_(folder), path_(folder / rows) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
        throw Error("--out", "a folder that can be written", "'" + folder.string() + "' (" + error.message() + ")");
    rows_.reset(std::fopen(path_.c_str(), "wx"));
    if (rows_) return;
    if (errno == EEXIST) throw Error("--out", "a folder without " + rows, "'" + folder.string() + "'");
    throw Error("--out", "a folder that can be written", "'" + folder.string() + "' (" + std::strerror(errno) + ")");
}

void ResultFolder::write_context(const nlohmann::ordered_json& context) const {
    const auto path = folder_ / "context.json";
    const std::string text = context.dump(2) + "\n";
    const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "w"));
    require_written(file && std::fputs(text.c_str(), file.get()) >= 0 && std::fflush(file.get()) == 0, path);
}

void ResultFolder::append(const nlohmann::ordered_json& row) {
    const std::string line = row.dump() + "\n";
    require_written(std::fputs(line.c_str(), rows_.get()) >= 0 && std::fflush(rows_.get()) == 0, path_);
}

}  // namespace backgrad::bench
