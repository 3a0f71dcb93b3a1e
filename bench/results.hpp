#pragma once

#include "cell.hpp"
#include "measure.hpp"
#include "roofline/roofline.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

namespace backgrad::bench {

/// A measured cell: what goes into a row of results.jsonl and of the table.
struct Result {
    Cell cell;
    std::string status;
    std::string checksum;
    int repetitions = 0;
    /// Figures of a cell with status ok.
    struct Figures {
        double ms_median, ms_min, ms_iqr, gflops, gbps, percent_of_roof, bytes_saved;
    };
    std::optional<Figures> figures;
};

/// Works out the figures of an outcome.
Result make_result(const Cell& cell, const Outcome& outcome, const Roof& roof);

/// A result as one JSON object; figures that do not exist are null.
nlohmann::ordered_json to_row(const Result& result);

/// The folder that --out names and its files.
class ResultFolder {
public:
    /// Creates the folder and an empty file for rows. Throws Error if it cannot, or if the file exists.
    explicit ResultFolder(const std::filesystem::path& folder, const std::string& rows = "results.jsonl");

    void write_context(const nlohmann::ordered_json& context) const;

    /// Appends a row and hands it to the operating system at once.
    void append(const nlohmann::ordered_json& row);

private:
    struct Close {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    std::filesystem::path folder_, path_;
    std::unique_ptr<std::FILE, Close> rows_;
};

}  // namespace backgrad::bench
