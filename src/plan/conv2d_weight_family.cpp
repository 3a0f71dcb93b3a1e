#include "plan/conv2d_weight_family.hpp"

#include "plan/conv2d_depthwise_planes.hpp"
#include "plan/conv2d_depthwise_rows.hpp"
#include "plan/move_cycles.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace backgrad::plan {

namespace {

constexpr std::int64_t channel_terms = 256;          ///< segment length where lanes are channels: panels fit L1 and L2
constexpr std::int64_t most_kernel_row_terms = 512;  ///< rows of the input are brought again for neighbouring segments
constexpr std::int64_t most_kernel_row_inputs = 256 * 1024;  ///< of a segment
constexpr std::int64_t most_patch_lanes = 512;               ///< half a MiB of f32 in a segment
constexpr std::int64_t pixel_steps = 512;                    ///< vectors per segment where lanes are pixels
constexpr double load_slots = 1.15;                          ///< of a load beside FMAs (measured: 1.1 to 1.2)
/// On the FMAs of dot tiles (measured: 1.2 to 1.5), and of those whose operands are all rows of their own, which the L1
/// cache does not hold (1.7 to 3).
constexpr double pixel_overhead = 1.3, single_tap_overhead = 2;
constexpr std::int64_t long_pixel_channels = 256;  ///< from which on pixels of NHWC share sets of the L1 cache
constexpr double pixel_row_copy_cycles =
    0.35;                                ///< of an element of NHWC to rows, or to lanes in parts (measured: 0.3 to 0.4)
constexpr double patch_overhead = 1.05;  ///< on the FMAs and gathers of patches (measured: 0.9 to 1.3)
constexpr double masked_step = 1.3;      ///< of a dot tile, where a whole one is 1
constexpr double join_cycles = 4;        ///< to join the chains of a sum of dot tiles
constexpr double run_steps = 0.2;        ///< to begin a run of a dot tile
constexpr double strided_cycles = 1.0;   ///< to bring an element of a column phase into a row, beside the copy
constexpr std::int64_t plane_steps = 128;  ///< for depthwise planes, so that those of a unit fit the L2 cache
constexpr std::int64_t most_rows = 1024;   ///< of depthwise planes in a segment
constexpr std::int64_t row_terms = 1024;   ///< of depthwise rows, which need no panels

/// Rows of a tile beside so many vectors, nominally.
double most_rows_beside(double vectors) { return vectors > 1 ? 14 : 16; }

/// Cycles per output pixel of the FMAs, two per cycle, of tiles of `vectors` vectors by `rows` broadcasts: bound by
/// their number, by their loads, or by the latency of the accumulators. Panels of more than two vectors are too large
/// for the L1 cache, and without rows to share a load they come no faster than two would. A lane vector that crosses
/// cache lines is two `lane_loads`.
double tile_cycles(double vectors, double rows, double lane_loads = 1) {
    const double tile_rows = std::min(rows, most_rows_beside(vectors));
    const double latency = 8.0 / (std::min(vectors, 2.0) * tile_rows);
    const double loads = load_slots * (lane_loads / tile_rows + 1.0 / std::min(vectors, 4.0));
    return vectors * rows / 2 * std::max({1.0, latency, loads});
}

/// Cycles to list a run of a tap and to start it in each of the tiles.
double tap_run_cycles(double vectors, double rows) {
    return list_cycles + run_cycles * std::ceil(vectors / 4) * std::ceil(rows / most_rows_beside(vectors));
}

/// Cycles per output pixel to bring channels of the input into rows of a panel.
double row_panel_cycles(const Conv2dProblem& p, double channels) {
    const double move = p.layout == Layout::nchw ? copy_cycles : transpose_cycles;
    return channels * (move + piece_row_cycles / static_cast<double>(std::max<std::int64_t>(1, p.out_width)));
}

/// Of the terms of kernel columns, those whose input exists, and of the columns those whose rows are one run: all
/// outputs meet inputs, and nothing lies between rows.
struct ColumnShares {
    double valid, joined;
};
ColumnShares column_shares(const Conv2dProblem& p) {
    std::int64_t terms = 0, joined = 0;
    for (std::int64_t c = 0; c < p.kernel_width; ++c) {
        const Range valid = valid_columns(p, c);
        terms += valid.size();
        joined += valid.size() == p.in_width && p.in_width == p.out_width ? 1 : 0;
    }
    const double columns = static_cast<double>(p.kernel_width);
    return {static_cast<double>(terms) / (columns * static_cast<double>(std::max<std::int64_t>(1, p.out_width))),
            static_cast<double>(joined) / columns};
}

/// Rows of the input that a segment of so many terms shares with its neighbour, to its own.
double halo(const Conv2dProblem& p, std::int64_t terms) {
    const std::int64_t rows = std::clamp<std::int64_t>(terms / std::max<std::int64_t>(1, p.out_width), 1,
                                                       std::max<std::int64_t>(1, p.out_height));
    return static_cast<double>((p.kernel_height - 1) * p.dilation_height) / static_cast<double>(p.stride_height * rows);
}

/// Cycles per output pixel to make lanes of the output channels; dense pixels of whole vectors are lanes already.
double output_lane_cycles(const Conv2dProblem& p, int lanes) {
    if (p.layout == Layout::nhwc && p.groups == 1 && p.out_channels % lanes == 0) return 0;
    return (p.layout == Layout::nchw ? transpose_cycles : copy_cycles) *
           static_cast<double>(round_up(p.out_channels, lanes));
}

/// Cycles per output pixel and group with lanes = channels of `side`.
double channel_cost(const Conv2dProblem& p, LaneSide side, int lanes) {
    const bool from_output = side == LaneSide::grad_output;
    const std::int64_t lane_channels = from_output ? p.out_channels : p.in_channels;
    const std::int64_t row_channels = from_output ? p.in_channels : p.out_channels;
    const double padded = static_cast<double>(round_up(lane_channels, lanes));
    const double vectors = padded / lanes, rows = static_cast<double>(row_channels),
                 taps = static_cast<double>(p.taps());
    const double run = static_cast<double>(std::clamp<std::int64_t>(p.out_width, 1, channel_terms));
    const ColumnShares columns = column_shares(p);
    const double runs = taps * (1 - columns.joined) * tap_run_cycles(vectors, rows) / run;
    const bool whole = lane_channels % lanes == 0 && p.groups * p.in_channels < long_pixel_channels;
    const double lane_move = padded * (p.layout == Layout::nchw ? transpose_cycles
                                       : whole                  ? copy_cycles
                                                                : pixel_row_copy_cycles);
    // Many rows of NCHW are read where they lie.
    const double row_move =
        (p.layout == Layout::nchw ? copy_cycles / 2 : pixel_row_copy_cycles * (1 + halo(p, channel_terms))) * rows;
    return tile_cycles(vectors, rows) * taps * columns.valid + runs +
           (from_output ? output_lane_cycles(p, lanes) + row_move * input_pixels(p)
                        : lane_move * input_pixels(p) + row_move);
}

/// Cycles per output pixel to bring the input into rows with a phase for each column of the stride.
double phase_panel_cycles(const Conv2dProblem& p) {
    const double channels = static_cast<double>(p.in_channels) * input_pixels(p);
    return row_panel_cycles(p, channels) + (p.stride_width > 1 ? strided_cycles * channels : 0);
}

/// FMAs of dot tiles, or their loads where few rows share them: an operand that crosses cache lines takes two slots.
double dot_slots(const Conv2dProblem& p) {
    const double rows = static_cast<double>(std::max<std::int64_t>(1, p.out_channels));
    const double outputs = static_cast<double>(p.in_channels * p.taps());
    const double columns = std::min(outputs, rows < 3 ? 8.0 : 6.0), tile_rows = std::min(rows, 4.0);
    return rows * outputs * std::max(1.0, 2 / columns + 2 / tile_rows);
}

/// Cycles per output pixel and group with lanes = pixels.
double pixel_cost(const Conv2dProblem& p, PixelRuns runs, int lanes) {
    const double width = static_cast<double>(std::max<std::int64_t>(1, p.out_width));
    const double reach =
        static_cast<double>((p.kernel_width - 1) * p.dilation_width) / static_cast<double>(p.stride_width);
    const bool whole = runs == PixelRuns::images;
    // The last vector of a row is masked, which makes its loads slow.
    const double steps = whole ? (width + reach) / lanes
                               : std::floor(width / lanes) + (p.out_width % lanes == 0 ? 0 : masked_step) + run_steps;
    const double copied = whole || p.layout == Layout::nhwc ? static_cast<double>(p.out_channels) : 0;
    const double joined =
        join_cycles * static_cast<double>(p.out_channels * p.in_channels * p.taps()) /
        static_cast<double>(std::clamp<std::int64_t>(p.batch * p.pixels_out(), 1, pixel_steps * lanes));
    const double overhead = p.taps() == 1 ? single_tap_overhead : pixel_overhead;
    return overhead * dot_slots(p) / 2 * steps / width + row_panel_cycles(p, copied) + phase_panel_cycles(p) + joined;
}

/// Cycles per output pixel and group with lanes = patches of the input.
double patch_cost(const Conv2dProblem& p, int lanes) {
    const double vectors = static_cast<double>(ceil_div(p.in_channels * p.taps(), lanes));
    // Patches repeat each input for its taps: a panel that outgrows the L2 cache loses more than it saves.
    if (vectors * lanes > most_patch_lanes) return std::numeric_limits<double>::infinity();
    const double rows = static_cast<double>(p.out_channels);
    const std::int64_t width = std::max<std::int64_t>(1, p.out_width);
    const double gather = vectors * (gather_cycles * lanes + gather_row_cycles / static_cast<double>(width));
    return patch_overhead * (tile_cycles(vectors, rows) + gather) +
           phase_panel_cycles(p) * (1 + halo(p, channel_terms)) + finite_cycles * rows;
}

/// Terms of a segment.
std::int64_t kernel_row_terms(const Conv2dProblem& p) {
    const double inputs = std::max(1.0, static_cast<double>(p.in_channels) * input_pixels(p));
    return std::clamp(static_cast<std::int64_t>(most_kernel_row_inputs / inputs), std::int64_t{1},
                      most_kernel_row_terms);
}

/// Cycles per output pixel and group by kernel rows, with lanes = output channels or the inputs of a kernel row.
double kernel_row_cost(const Conv2dProblem& p, LaneSide side, int lanes) {
    // A run of columns that follow each other is what the register tile knows.
    if (p.kernel_width == 1 || p.dilation_width > 1) return std::numeric_limits<double>::infinity();
    const bool from_output = side == LaneSide::grad_output;
    const std::int64_t inputs = p.in_channels * p.kernel_width;
    const double vectors = static_cast<double>(ceil_div(from_output ? p.out_channels : inputs, lanes));
    const double rows = static_cast<double>(from_output ? inputs : p.out_channels);
    const double kernel_rows = static_cast<double>(p.kernel_height);
    const std::int64_t width = std::max<std::int64_t>(1, p.out_width);
    const double run = static_cast<double>(std::min(width, kernel_row_terms(p)));
    const double runs = kernel_rows * tap_run_cycles(vectors, rows) / run;
    const double channels = static_cast<double>(p.in_channels), columns = static_cast<double>(width);
    const double element = p.in_channels > few_interleaved ? transpose_cycles : interleave_cycles;
    const double move =
        p.layout == Layout::nchw ? element * channels + interleave_row_cycles / columns : copy_cycles * channels;
    // Inputs of a kernel row begin anywhere in a cache line, unless channels fill it.
    const double lane_loads = from_output || p.in_channels % lanes == 0 ? 1 : 2;
    // Many rows of NCHW are read where they lie.
    const double output_row_cycles = (p.layout == Layout::nchw ? copy_cycles / 2 : copy_cycles) * rows;
    return tile_cycles(vectors, rows, lane_loads) * kernel_rows + runs +
           (from_output ? output_lane_cycles(p, lanes) : output_row_cycles) +
           move * input_pixels(p) * (1 + halo(p, kernel_row_terms(p)));
}

/// The same with the better lanes.
double kernel_row_cost(const Conv2dProblem& p, int lanes) {
    return std::min(kernel_row_cost(p, LaneSide::grad_output, lanes), kernel_row_cost(p, LaneSide::input, lanes));
}

/// Cycles per output pixel and group with lanes = pixels and the better runs.
double pixel_cost(const Conv2dProblem& p, int lanes) {
    return std::min(pixel_cost(p, PixelRuns::rows, lanes), pixel_cost(p, PixelRuns::images, lanes));
}

bool may_exchange(const Conv2dProblem& p) {
    return !p.strided() && p.grad_output_height == p.out_height && p.grad_output_width == p.out_width &&
           p.pixels_out() > 0;
}

/// The same with operands exchanged, still per pixel of the output.
double exchanged_cost(const Conv2dProblem& p, int lanes) {
    return pixel_cost(exchanged(p), lanes) * static_cast<double>(p.pixels_in()) / static_cast<double>(p.pixels_out());
}

/// Whether dot tiles take clearly fewer cycles with operands exchanged.
bool gains_by_exchange(const Conv2dProblem& p, int lanes) {
    return may_exchange(p) && !p.depthwise() && exchanged_cost(p, lanes) < pixel_cost(p, lanes) * 0.9;
}

/// Whether the input's channels can be lanes: transposing needs neighbouring columns.
bool transposes_input(const Conv2dProblem& p) {
    return p.layout != Layout::nchw || p.kernel_width > 1 || p.stride_width == 1;
}

}  // namespace

double input_pixels(const Conv2dProblem& p) {
    const double rows = p.kernel_height == 1 ? 1.0 : static_cast<double>(p.stride_height);
    return rows * (p.kernel_width == 1 ? 1.0 : static_cast<double>(p.stride_width));
}

LaneSide kernel_row_side(const Conv2dProblem& p, int lanes) {
    return kernel_row_cost(p, LaneSide::grad_output, lanes) <= kernel_row_cost(p, LaneSide::input, lanes)
               ? LaneSide::grad_output
               : LaneSide::input;
}

LaneSide weight_side(const Conv2dProblem& p, int lanes) {
    if (!transposes_input(p)) return LaneSide::grad_output;
    return channel_cost(p, LaneSide::grad_output, lanes) <= channel_cost(p, LaneSide::input, lanes)
               ? LaneSide::grad_output
               : LaneSide::input;
}

Conv2dProblem exchanged(const Conv2dProblem& p) {
    Conv2dProblem q = p;
    std::swap(q.in_channels, q.out_channels);
    q.in_height = p.out_height;
    q.in_width = p.out_width;
    q.out_height = q.grad_output_height = p.in_height;
    q.out_width = q.grad_output_width = p.in_width;
    q.padding_top = (p.kernel_height - 1) * p.dilation_height - p.padding_top;
    q.padding_left = (p.kernel_width - 1) * p.dilation_width - p.padding_left;
    return q;
}

bool exchanges_operands(const Conv2dProblem& p, std::size_t element_bytes) {
    return weight_family(p, element_bytes) == LaneFamily::pixels &&
           gains_by_exchange(p, static_cast<int>(64 / element_bytes));
}

Conv2dProblem weight_problem(const Conv2dProblem& p, std::size_t element_bytes) {
    return exchanges_operands(p, element_bytes) ? exchanged(p) : p;
}

LaneFamily weight_family(const Conv2dProblem& p, std::size_t element_bytes) {
    if (lane_group(p, element_bytes) > 0) return works_on_planes(p) ? LaneFamily::pixels : LaneFamily::channels;
    const int lanes = static_cast<int>(64 / element_bytes);
    const double channels =
        std::min(channel_cost(p, LaneSide::grad_output, lanes), channel_cost(p, LaneSide::input, lanes));
    const double pixels = gains_by_exchange(p, lanes) ? exchanged_cost(p, lanes) : pixel_cost(p, lanes);
    const double kernel_rows = kernel_row_cost(p, lanes);
    if (p.taps() > 1 && patch_cost(p, lanes) < std::min({channels, pixels, kernel_rows})) return LaneFamily::patches;
    if (kernel_rows < std::min(channels, pixels)) return LaneFamily::kernel_rows;
    return pixels < channels ? LaneFamily::pixels : LaneFamily::channels;
}

namespace {

/// Lanes are pixels, of the problem or of the exchanged one.
WeightWay pixel_way(const Conv2dProblem& p, PixelRuns runs, bool exchange, int lanes) {
    const double growth = exchange ? static_cast<double>(p.pixels_in()) / static_cast<double>(p.pixels_out()) : 1;
    return {LaneFamily::pixels, LaneSide::input, runs, exchange,
            pixel_cost(exchange ? exchanged(p) : p, runs, lanes) * growth};
}

}  // namespace

WeightWay weight_way(const Conv2dProblem& p, std::size_t element_bytes, int lanes) {
    const LaneFamily family = weight_family(p, element_bytes);
    const LaneSide side = family == LaneFamily::channels      ? weight_side(p, lanes)
                          : family == LaneFamily::kernel_rows ? kernel_row_side(p, lanes)
                                                              : LaneSide::input;
    const int nominal = static_cast<int>(64 / element_bytes);
    if (family == LaneFamily::pixels) {
        const bool exchange = exchanges_operands(p, element_bytes);
        return pixel_way(p, weight_runs(exchange ? exchanged(p) : p, element_bytes), exchange, nominal);
    }
    const double cycles =
        family == LaneFamily::patches ? patch_cost(p, nominal)
        : family == LaneFamily::kernel_rows
            ? kernel_row_cost(p, nominal)
            : std::min(channel_cost(p, LaneSide::grad_output, nominal), channel_cost(p, LaneSide::input, nominal));
    return {family, side, PixelRuns::rows, false, cycles};
}

std::vector<WeightWay> weight_ways(const Conv2dProblem& p, std::size_t element_bytes, int lanes) {
    const int nominal = static_cast<int>(64 / element_bytes);
    std::vector<WeightWay> ways;
    for (const LaneSide side : {LaneSide::grad_output, LaneSide::input}) {
        if (side == LaneSide::input && !transposes_input(p)) continue;
        // The sides are weighed by the ISA's own lanes, and the better one stands for the family.
        const double better = channel_cost(p, weight_side(p, lanes), lanes);
        const double cycles =
            std::min(channel_cost(p, LaneSide::grad_output, nominal), channel_cost(p, LaneSide::input, nominal));
        ways.push_back(
            {LaneFamily::channels, side, PixelRuns::rows, false, cycles * channel_cost(p, side, lanes) / better});
    }
    if (const double cycles = patch_cost(p, nominal); p.taps() > 1 && std::isfinite(cycles))
        ways.push_back({LaneFamily::patches, LaneSide::input, PixelRuns::rows, false, cycles});
    for (const LaneSide side : {LaneSide::grad_output, LaneSide::input})
        if (const double cycles = kernel_row_cost(p, nominal); std::isfinite(cycles))
            ways.push_back({LaneFamily::kernel_rows, side, PixelRuns::rows, false,
                            cycles * kernel_row_cost(p, side, lanes) / kernel_row_cost(p, lanes)});
    for (const bool exchange : {false, true})
        for (const PixelRuns runs : {PixelRuns::rows, PixelRuns::images})
            if (!exchange || may_exchange(p)) ways.push_back(pixel_way(p, runs, exchange, nominal));
    return ways;
}

PixelRuns weight_runs(const Conv2dProblem& p, std::size_t element_bytes) {
    const int lanes = static_cast<int>(64 / element_bytes);
    return pixel_cost(p, PixelRuns::rows, lanes) <= pixel_cost(p, PixelRuns::images, lanes) ? PixelRuns::rows
                                                                                            : PixelRuns::images;
}

Passes weight_passes(const Conv2dProblem& p, LaneFamily family, const Segments& segments) {
    const std::int64_t all = std::max<std::int64_t>(1, std::max({p.batch, segments.height, segments.width}));
    if (family != LaneFamily::pixels || segments.count == 0) return {all, all, all};
    constexpr std::int64_t pass_pixels = 1024;
    const std::int64_t images =
        std::clamp<std::int64_t>(pass_pixels / (segments.height * segments.width), 1, segments.images);
    // A multiple of the chains: a pass that begins inside a row begins at chain 0 like the row.
    const std::int64_t columns = std::min(segments.width, pass_pixels);
    return {images,
            images > 1 ? segments.height : std::clamp<std::int64_t>(pass_pixels / segments.width, 1, segments.height),
            columns};
}

Segments weight_segments(const Conv2dProblem& p, LaneFamily family, std::size_t element_bytes) {
    const std::int64_t lanes = static_cast<std::int64_t>(64 / element_bytes);
    if (works_on_rows(p)) return make_segments(p.batch, p.out_height, p.out_width, row_terms);
    if (family == LaneFamily::kernel_rows)
        return make_segments(p.batch, p.out_height, p.out_width, kernel_row_terms(p));
    if (family != LaneFamily::pixels) return make_segments(p.batch, p.out_height, p.out_width, channel_terms);
    if (!p.depthwise()) return make_segments(p.batch, p.out_height, p.out_width, pixel_steps * lanes);
    // Where rows are short, a chain takes a term of every row.
    const std::int64_t terms = std::min(plane_steps * lanes, most_rows * std::max<std::int64_t>(1, p.out_width));
    return make_segments(p.batch, p.out_height, p.out_width, terms);
}

}  // namespace backgrad::plan
