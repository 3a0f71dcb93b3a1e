#include "sweep.hpp"

#include "shape_files.hpp"
#include "variants/variant.hpp"

#include <backgrad/error.hpp>

#include <algorithm>
#include <regex>

namespace backgrad::bench {
namespace {

std::vector<Operation> operations_for(const Arguments& arguments, const Shape& shape) {
    std::vector<Operation> operations;
    for (const auto& [operation, word] : names<Operation>) {
        const auto& asked = arguments.operations;
        const bool wanted = asked.empty() || std::find(asked.begin(), asked.end(), operation) != asked.end();
        if (wanted && kind_of(operation) == shape.kind) operations.push_back(operation);
    }
    return operations;
}

/// The modes asked for that the operation knows; its default if none of them is.
std::vector<std::string> modes_for(const Arguments& arguments, Operation operation) {
    std::vector<std::string> modes;
    const auto& known = modes_of(operation);
    for (const std::string& mode : arguments.modes) {
        if (std::find(known.begin(), known.end(), mode) != known.end()) modes.push_back(mode);
    }
    if (modes.empty()) modes.push_back(known.front());
    return modes;
}

/// Adds the variant's cells: one per strategy, or a single one where strategies mean nothing.
void add_strategies(std::vector<Cell>& cells, const Arguments& arguments, Cell cell) {
    static const std::vector<Partition> one_partition{Partition::automatic};
    static const std::vector<ScheduleAndChunk> one_schedule(1);
    static const std::vector<Reduction> one_reduction{Reduction::automatic};
    const Variant& variant = variant_named(cell.variant);
    for (const Partition partition : variant.has_strategies ? arguments.partitions : one_partition) {
        for (const ScheduleAndChunk schedule : variant.has_schedules ? arguments.schedules : one_schedule) {
            for (const Reduction reduction : variant.has_strategies ? arguments.reductions : one_reduction) {
                cell.partition = partition;
                cell.schedule = schedule;
                cell.reduction = reduction;
                cells.push_back(cell);
            }
        }
    }
}

/// Adds the cells of one problem, whose fields up to `cache` are filled.
void add_problem(std::vector<Cell>& cells, const Arguments& arguments, Cell cell) {
    const Shape shape = cell.shape;
    const Scaling scaling = cell.scaling;
    for (const Isa isa : arguments.isas) {
        for (const int threads : arguments.threads) {
            for (const std::string& variant : arguments.variants) {
                if (!variant_named(variant).takes_part_in(cell.operation)) continue;
                cell.isa = isa;
                cell.threads = threads;
                if (scaling == Scaling::weak && !shape.values.empty()) {
                    cell.shape.values[0] = shape.values[0] * threads;
                    validate(cell.shape);
                }
                cell.variant = variant;
                add_strategies(cells, arguments, cell);
            }
        }
    }
}

void add_shape(std::vector<Cell>& cells, const Arguments& arguments, const Shape& shape) {
    Cell cell;
    cell.shape = shape;
    for (const Operation operation : operations_for(arguments, shape)) {
        cell.operation = operation;
        for (const std::string& mode : modes_for(arguments, operation)) {
            cell.mode = mode;
            for (const Layout layout : arguments.layouts) {
                cell.layout = layout;
                for (const Dtype dtype : arguments.dtypes) {
                    cell.dtype = dtype;
                    for (const Cache cache : arguments.caches) {
                        cell.cache = cache;
                        for (const Scaling scaling : arguments.scalings) {
                            cell.scaling = scaling;
                            add_problem(cells, arguments, cell);
                        }
                    }
                }
            }
        }
    }
}

/// Google Benchmark's meaning of --benchmark_filter: a regular expression that is searched for, negated by a leading
/// minus. It is applied here, where cells can still be left out before anything is prepared for them.
void apply_filter(std::vector<Cell>& cells, const std::vector<std::string>& flags) {
    const std::string option = "--benchmark_filter=";
    std::string pattern;
    for (const std::string& flag : flags) {
        if (flag.rfind(option, 0) == 0) pattern = flag.substr(option.size());
    }
    if (pattern.empty() || pattern == "all") return;
    const bool negated = pattern.front() == '-';
    try {
        const std::regex expression(negated ? pattern.substr(1) : pattern, std::regex::extended);
        std::erase_if(cells, [&](const Cell& cell) { return std::regex_search(title(cell), expression) == negated; });
    } catch (const std::regex_error&) {
        throw Error("--benchmark_filter", "a regular expression", "'" + pattern + "'");
    }
}

}  // namespace

std::vector<Cell> make_cells(const Arguments& arguments) {
    std::vector<Cell> cells;
    for (const Shape& shape : load_shapes(arguments.shapes, arguments.batch)) add_shape(cells, arguments, shape);
    const auto& asked = arguments.operations;
    if (std::find(asked.begin(), asked.end(), Operation::launch) != asked.end()) {
        add_shape(cells, arguments, {"empty", ShapeKind::none, {}});
    }
    if (cells.empty()) throw Error("--ops", "an operation that fits one of the shapes", "none that does");
    apply_filter(cells, arguments.benchmark_flags);
    if (cells.empty()) throw Error("--benchmark_filter", "a pattern that matches a cell", "none that does");
    return cells;
}

std::vector<std::vector<std::size_t>> group_by_problem(const std::vector<Cell>& cells) {
    std::vector<std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (groups.empty() || !same_problem(cells[groups.back().front()], cells[i])) groups.emplace_back();
        groups.back().push_back(i);
    }
    return groups;
}

}  // namespace backgrad::bench
