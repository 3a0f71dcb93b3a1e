#include "plan/conv2d_input_blocks.hpp"

#include "plan/launch.hpp"
#include "plan/move_cycles.hpp"

#include <cmath>
#include <utility>

namespace backgrad::plan {

namespace {

constexpr double blocks_bytes = 512 * 1024;   ///< goal for the panels and sums of blocks that share packed weights
constexpr double shared_bytes = 1024 * 1024;  ///< packed weights that come from beyond the L2 cache are larger
constexpr double cached_weight_bytes = 512 * 1024;  ///< weights of a channel tile that stay in the L2 cache are smaller
/// Weights of so many bytes come from memory: a last cache holds tensors, too, and serves several cores.
constexpr double far_bytes = 12 * 1024 * 1024;

/// Elements of the panel of a block with `rows` rows and `columns` columns.
std::int64_t panel_elements(const Conv2dProblem& p, const Conv2dInputPlan& plan, const RegisterTiles& tiles,
                            std::int64_t rows, std::int64_t columns) {
    const std::int64_t all_rows = (rows + (p.kernel_height - 1) * p.dilation_height) / p.stride_height + 2;
    const bool outside = plan.family == LaneFamily::pixels || plan.tile_axis == TileAxis::down;
    const std::int64_t out_rows = outside ? all_rows : std::min(p.out_height, all_rows);
    const std::int64_t all_columns = (columns + (p.kernel_width - 1) * p.dilation_width) / p.stride_width + 2;
    const bool across = plan.tile_axis == TileAxis::across_images;
    const std::int64_t out_columns = across ? std::min(p.out_width, all_columns) : all_columns;
    const std::int64_t pitch = plan.family == LaneFamily::pixels ? most_panel_pitch(out_columns) : out_columns;
    // Tiles of pixels read whole vectors beyond the last column.
    const std::int64_t pixel = panel_has_pixels(p, plan) ? panel_pixel(p) : p.out_channels;
    return round_up(plan.block_images * out_rows * pitch * pixel + 8 * tiles.lanes, 16);
}

/// Elements of the staging buffer of a block.
std::int64_t staging_elements(const Conv2dProblem& p, const Conv2dInputPlan& plan, const RegisterTiles& tiles,
                              std::int64_t rows, std::int64_t columns) {
    return round_up(
        plan.family == LaneFamily::channels
            ? plan.block_images * rows * columns * plan.channel_tiles.width()
            : plan.row_channels * plan.pixel_vectors * round_up(ceil_div(columns, p.stride_width), tiles.lanes),
        16);
}

/// Elements of the runs of a register tile.
std::int64_t run_elements(const Conv2dProblem& p, std::size_t element_bytes) {
    return Conv2dWeightPlan::run_elements(ceil_div(p.out_channels, Conv2dInputPlan::channel_block) * p.taps(),
                                          element_bytes);
}

/// Columns are cut where the image is one long row, or tiles go down. The pieces of shorter rows come slowly from
/// memory: they are cut only where rows are fewer than threads, which channels and rows then seldom occupy evenly.
std::int64_t next_columns(const Conv2dProblem& p, const Conv2dInputPlan& plan, std::int64_t columns,
                          std::int64_t threads) {
    if (p.in_height == 1 || plan.tile_axis == TileAxis::down) return columns < 32 ? columns + 1 : columns + columns / 8;
    constexpr std::int64_t most_pieces = 4;
    const bool few_rows = plan.family == LaneFamily::channels && p.batch * p.in_height < threads;
    return few_rows && columns < most_pieces ? columns + 1 : p.in_width + 1;
}

/// Cycles per row of a block and channel that cutting rows into pieces adds: each is found anew, with its neighbours.
/// Those of images of one row, and of columns, lie far apart.
double piece_cycles(const Conv2dProblem& p, bool down) {
    const double start = down || p.in_height == 1 ? piece_row_cycles : row_cycles;
    return start + copy_cycles * static_cast<double>((p.kernel_width - 1) * p.dilation_width);
}

/// Slots per FMA of the tiles of a block with `lines` rows of a row phase.
double slots_per_fma(const Conv2dInputPlan& plan, const Conv2dProblem& p, std::int64_t lines,
                     const RegisterTiles& tiles, std::size_t element_bytes) {
    if (plan.family == LaneFamily::channels || !plan.vectors_are_rows) return 1;
    return pixel_tile_slots(p.in_channels, plan.row_channels, lines, plan.pixel_vectors, tiles, element_bytes) /
           static_cast<double>(p.in_channels * lines);
}

/// Channels last, the groups share cache lines: what one reads and writes of a block should last until the next comes.
/// The elements of all of them, as many as weigh like the panel of one: they may fill the L2 cache.
double elements_of_groups(const Conv2dProblem& p, std::int64_t rows, std::int64_t columns) {
    constexpr double weight = 0.4;
    if (p.layout != Layout::nhwc || p.groups == 1) return 0;
    const double area = static_cast<double>(p.stride_height * p.stride_width);
    return weight * static_cast<double>(rows * columns * p.groups) *
           (static_cast<double>(p.in_channels) + static_cast<double>(p.out_channels) / area);
}

/// Slots of the plan's register tiles over those of the tiles with the fewest, where lanes are channels. Cuts of rows
/// of pixels weigh theirs.
double slots_over_fewest(const Conv2dInputPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles) {
    if (plan.family == LaneFamily::pixels) return 1;
    const std::int64_t rows = pixels_of_channel_tiles(p, plan);
    const int fewest = choose_lane_tiles(p.in_channels, rows, tiles).vectors;
    return tile_slots(p.in_channels, rows, plan.channel_tiles.vectors, tiles) /
           tile_slots(p.in_channels, rows, fewest, tiles);
}

/// Terms of the plan's register tiles over those of tiles along an axis of the image, which all other ways are
/// estimated with.
double terms_over_image(const Conv2dInputPlan& plan, const Conv2dProblem& p) {
    if (plan.tile_axis != TileAxis::across_images) return 1;
    return terms_over(p, plan.tile_axis, tile_axis_of_image(p));
}

/// Estimates cuts: the time of the busiest worker.
class Estimates {
public:
    Estimates(const Conv2dProblem& p, const Conv2dInputPlan& plan, const RegisterTiles& tiles,
              std::size_t element_bytes, const Strategy& strategy, bool tasks_may_pack)
        : p_(p),
          plan_(plan),
          tiles_(tiles),
          element_bytes_(element_bytes),
          extra_slots_(slots_over_fewest(plan, p, tiles)),
          terms_(terms_over_image(plan, p)),
          far_weights_(static_cast<double>(p.weight_elements()) * static_cast<double>(element_bytes) >= far_bytes),
          threads_(std::max(1, strategy.threads)),
          tile_count_(plan.channel_tile_count(p)),
          most_channel_groups_(
              strategy.partition == Partition::batch || strategy.partition == Partition::spatial ? 1 : tile_count_),
          tasks_may_pack_(tasks_may_pack) {}

    std::vector<InputCut> all(int vectors) {
        const std::int64_t width_units = std::max<std::int64_t>(1, ceil_div(p_.in_width, p_.stride_width));
        // Tiles that go down have the pixels of long pieces of columns.
        const std::int64_t least_rows =
            plan_.tile_axis == TileAxis::down ? tiles_.rows_limit[plan_.channel_tiles.vectors] * p_.stride_height : 1;
        const std::int64_t most_row_blocks = std::max<std::int64_t>(1, p_.in_height / least_rows);
        InputCut cut;
        cut.vectors = vectors;
        cut.block_images = plan_.block_images;
        for (cut.column_blocks = 1; cut.column_blocks <= width_units;
             cut.column_blocks = next_columns(p_, plan_, cut.column_blocks, threads_))
            for (cut.row_blocks = 1; cut.row_blocks <= most_row_blocks; ++cut.row_blocks) {
                const std::int64_t tall = ceil_div(p_.in_height, cut.row_blocks);
                if (cut.row_blocks > 1 && tall == ceil_div(p_.in_height, cut.row_blocks - 1)) continue;
                measure(cut);
                for (cut.channel_groups = 1; cut.channel_groups <= most_channel_groups_; ++cut.channel_groups) {
                    add(cut, shared_cycles());
                    if (plan_.family == LaneFamily::channels && !plan_.weights_in_place) add_pieces(cut);
                }
            }
        return std::move(cuts_);
    }

private:
    /// What the blocks of a cut hold, whatever their channels.
    void measure(const InputCut& cut) {
        tall_ = ceil_div(p_.in_height, cut.row_blocks);
        wide_ = ceil_div(std::max<std::int64_t>(1, ceil_div(p_.in_width, p_.stride_width)), cut.column_blocks) *
                p_.stride_width;
        measure_memory();
        measure_moves(cut);
        measure_tiles();
    }

    /// Packing a block's panel: its pixels, and those around them that it meets.
    void measure_moves(const InputCut& cut) {
        const bool down = plan_.tile_axis == TileAxis::down;
        const auto with_halo = [](std::int64_t size, std::int64_t taps, std::int64_t dilation) {
            return static_cast<double>(size + (taps - 1) * dilation) / static_cast<double>(size);
        };
        const double tall_halo = with_halo(tall_, p_.kernel_height, p_.dilation_height);
        const double wide_halo = with_halo(wide_, p_.kernel_width, p_.dilation_width);
        const double halo = !down ? tall_halo : cut.row_blocks > 1 ? tall_halo * wide_halo : wide_halo;
        const bool cut_rows = cut.column_blocks > 1 && (p_.layout == Layout::nchw || (p_.in_height > 1 && !down));
        const double pieces = cut_rows ? piece_cycles(p_, down) : 0;
        const double element = across_images() && p_.layout == Layout::nchw ? copy_cycles + transpose_cycles : 0.3;
        move_ = (element * static_cast<double>(wide_) + pieces) *
                static_cast<double>(plan_.block_images * tall_ * p_.out_channels) * halo /
                static_cast<double>(p_.stride_height * p_.stride_width);
    }

    /// The register tiles of a block.
    void measure_tiles() {
        const bool down = plan_.tile_axis == TileAxis::down;
        const std::int64_t limit = tiles_.rows_limit[plan_.channel_tiles.vectors];
        const std::int64_t line = across_images() ? plan_.block_images
                                  : down          ? ceil_div(tall_, p_.stride_height)
                                                  : ceil_div(wide_, p_.stride_width);
        const std::int64_t lines = across_images() ? tall_ * wide_
                                   : down          ? wide_ * p_.stride_height
                                                   : tall_ * p_.stride_width;
        const double tile_pixels = static_cast<double>(line) / static_cast<double>(ceil_div(line, limit));
        // Pixels fill whole vectors where they are lanes.
        const std::int64_t filled = plan_.family == LaneFamily::pixels
                                        ? round_up(wide_ / p_.stride_width, tiles_.lanes) * p_.stride_width
                                        : wide_;
        compute_ = static_cast<double>(plan_.block_images * tall_ * filled) * products_per_pixel(p_) * terms_ *
                   static_cast<double>(plan_.channel_tiles.padded()) / tiles_.lanes / 2 *
                   slots_per_fma(plan_, p_, ceil_div(tall_, p_.stride_height), tiles_, element_bytes_);
        if (plan_.tasks_pack)
            compute_ += weight_copy_cycles * static_cast<double>(p_.out_channels * p_.taps() * p_.in_channels);
        const double calls = static_cast<double>(lines * ceil_div(line, limit) * tile_count_);
        constexpr double wait_cycles = 40;  // a tile's sums are stored and loaded
        waiting_ = wait_cycles * calls * static_cast<double>(p_.out_channels / Conv2dInputPlan::channel_block);
        const double tile_bytes =
            static_cast<double>(p_.out_channels * p_.taps() * plan_.channel_tiles.width()) * element_bytes_;
        whole_reads_ = weight_reads(tile_bytes, static_cast<double>(line), tile_pixels);
    }

    bool across_images() const { return plan_.tile_axis == TileAxis::across_images; }

    /// What the register tiles of a block meet. Of the pixels of several images that is one block of output channels at
    /// a time; a panel that is larger comes from the last cache again for every channel tile, a line in 3.5 cycles.
    void measure_memory() {
        const auto panel = static_cast<double>(panel_elements(p_, plan_, tiles_, tall_, wide_));
        const auto sums = static_cast<double>(staging_elements(p_, plan_, tiles_, tall_, wide_));
        double met = 1;
        if (across_images())
            met = std::min(1.0,
                           static_cast<double>(Conv2dInputPlan::channel_block) / static_cast<double>(p_.out_channels));
        bytes_ = (panel * met + sums + elements_of_groups(p_, tall_, wide_)) * element_bytes_;
        constexpr double line_cycles = 3.5;
        const bool near = panel * element_bytes_ <= blocks_bytes;
        reread_ =
            met == 1 || near ? 0 : panel * element_bytes_ / line_bytes * line_cycles * static_cast<double>(tile_count_);
    }

    /// How many times as long register tiles take whose weights come from the last cache, at about 3 cycles per vector,
    /// and meet so many pixels before the next come. More so where a channel tile's outgrow the L2 cache, and each
    /// register tile reads them again: 4 cycles, charged to a row of the block (measured: 1.1 to 1.4 for 7 pixels), or
    /// 8 for a cache line where those of all tiles outgrow the last cache, charged to a register tile (measured: 1.1 to
    /// 1.5 for 14 pixels).
    double weight_reads(double tile_bytes, double line, double tile_pixels) const {
        if (plan_.family == LaneFamily::pixels) return 1;
        const double cached = std::max(1.0, 6.0 / static_cast<double>(plan_.block_images * tall_ * wide_));
        if (tile_bytes < cached_weight_bytes) return cached;
        if (!far_weights_) return std::max(cached, 8.0 / line);
        return std::max(cached, 16.0 * tiles_.lanes * element_bytes_ / line_bytes / tile_pixels);
    }

    /// Channel tiles of the task with most.
    std::int64_t task_tiles(const InputCut& cut) const { return ceil_div(tile_count_, cut.channel_groups); }

    /// Tasks of the worker with most.
    std::int64_t rounds(const InputCut& cut) const {
        return ceil_div(p_.groups * cut.channel_groups * ceil_div(blocks(cut), cut.blocks_per_task), threads_);
    }

    std::int64_t blocks(const InputCut& cut) const {
        return ceil_div(p_.batch, cut.block_images) * cut.row_blocks * cut.column_blocks;
    }

    /// Cycles of a task, but for the packing of weights.
    double task_cycles(const InputCut& cut) const {
        const double share = static_cast<double>(task_tiles(cut)) / static_cast<double>(tile_count_);
        const double spill = bytes_ > panel_bytes ? 1 + 0.15 * (bytes_ / panel_bytes - 1) : 1;
        const double compute = cut.blocks_at_once > 0 ? compute_ + waiting_ : compute_ * whole_reads_;
        return static_cast<double>(cut.blocks_per_task) * ((compute + reread_) * share + move_ + 500) * spill;
    }

    /// Cycles of a worker's share of a phase that packs all weights: they leave its cache, and come back from the last,
    /// or from memory (`far_weight_cycles`).
    double shared_cycles() const {
        if (plan_.weights_in_place || plan_.tasks_pack) return 0;
        const double elements = static_cast<double>(p_.weight_elements());
        const double exchange = far_weights_                               ? far_byte_cycles * element_bytes_
                                : elements * element_bytes_ > shared_bytes ? exchange_element_cycles
                                                                           : 0;
        return (split_cycles + exchange) * elements / static_cast<double>(threads_) +
               (threads_ > 1 ? launch_cycles * std::log2(static_cast<double>(threads_)) : 0);
    }

    /// What register tiles do not hide of a task's weights that come from memory (measured: 2 to 7 cycles for a cache
    /// line): once for each block, or for as many as meet a piece at once. Packed by tasks they come in rows of a
    /// piece, which hide less.
    double far_weight_cycles(const InputCut& cut) const {
        if (plan_.family == LaneFamily::pixels || !far_weights_) return 0;
        const double line_cycles = cut.tasks_pack ? 16 : 4;
        const std::int64_t channels = std::min(p_.in_channels, task_tiles(cut) * plan_.channel_tiles.width());
        const std::int64_t passes = ceil_div(cut.blocks_per_task, std::max<std::int64_t>(1, cut.blocks_at_once));
        return static_cast<double>(passes * channels * p_.out_channels * p_.taps()) * element_bytes_ / line_bytes *
               line_cycles;
    }

    void add(InputCut cut, double beside) {
        const double task = task_cycles(cut) + far_weight_cycles(cut);
        cut.cycles = (task * static_cast<double>(rounds(cut)) + beside) * extra_slots_;
        cuts_.push_back(cut);
    }

    /// Pieces of weights are packed, or come from afar, once for as many blocks as memory and the cache hold at once.
    void add_pieces(InputCut cut) {
        const auto fitting = static_cast<std::int64_t>(blocks_bytes / bytes_);
        const double weights = own_weights_cycles(p_, plan_, task_tiles(cut));
        for (cut.blocks_per_task = 1; cut.blocks_per_task <= blocks(cut); cut.blocks_per_task *= 2) {
            cut.blocks_at_once = std::clamp<std::int64_t>(
                fitting, 1, std::min(cut.blocks_per_task, Conv2dInputPlan::most_blocks_at_once));
            const std::int64_t passes = ceil_div(cut.blocks_per_task, cut.blocks_at_once);
            cut.tasks_pack = false;
            if (p_.out_channels > Conv2dInputPlan::channel_block) add(cut, shared_cycles());
            cut.tasks_pack = true;
            constexpr std::int64_t most_copies = 4;  // more cost larger teams what a launch costs
            if (tasks_may_pack_ && ceil_div(blocks(cut), cut.blocks_per_task) <= most_copies)
                add(cut, weights * static_cast<double>(passes * rounds(cut)));
        }
    }

    const Conv2dProblem& p_;
    const Conv2dInputPlan& plan_;
    const RegisterTiles& tiles_;
    const std::size_t element_bytes_;
    const double extra_slots_, terms_;
    const bool far_weights_;
    const std::int64_t threads_, tile_count_, most_channel_groups_;
    const bool tasks_may_pack_;
    std::int64_t tall_ = 1, wide_ = 1;
    double bytes_ = 0, reread_ = 0, move_ = 0, compute_ = 0;
    double waiting_ = 0, whole_reads_ = 1;  ///< of sums in pieces, and of sums that meet all weights
    std::vector<InputCut> cuts_;
};

/// The groups of blocks and channels that a named partition asks for.
void follow_partition(Conv2dInputPlan& plan, const Conv2dProblem& p, Partition partition) {
    const std::int64_t tile_count = std::max<std::int64_t>(1, plan.channel_tile_count(p));
    if (partition == Partition::channel) {
        plan.block_groups = std::min<std::int64_t>(1, plan.blocks);
        plan.channel_groups = tile_count;
    } else if (partition == Partition::batch) {
        plan.block_groups = std::min(plan.blocks, p.images);
        plan.channel_groups = 1;
    } else if (partition == Partition::batch_channel) {
        plan.block_groups = std::min(plan.blocks, p.images);
        plan.channel_groups = tile_count;
    }
}

/// Elements of the weights that a task packs at a time.
std::int64_t weights_at_a_time(const Conv2dInputPlan& plan, const Conv2dProblem& p) {
    if (!plan.tasks_pack) return 0;
    if (plan.family == LaneFamily::pixels) return p.out_channels * p.taps() * plan.row_channels;
    return std::min(p.out_channels, Conv2dInputPlan::channel_block) * p.taps() * plan.channel_tiles.width();
}

/// Sizes the memory of a worker for the largest block.
void size_memory(Conv2dInputPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles, std::size_t element_bytes) {
    const std::int64_t units = ceil_div(ceil_div(p.in_width, p.stride_width), plan.column_blocks);
    const std::int64_t rows = ceil_div(p.in_height, plan.row_blocks), columns = units * p.stride_width;
    plan.staging_elements = staging_elements(p, plan, tiles, rows, columns);
    plan.panel_elements = panel_elements(p, plan, tiles, rows, columns);
    plan.piece_elements = round_up(weights_at_a_time(plan, p), 16);
    plan.worker_elements = run_elements(p, element_bytes) + plan.piece_elements +
                           plan.blocks_at_once * (plan.staging_elements + plan.panel_elements);
}

/// Outputs that the taps of an axis meet, and those that they would with zeros beside the tensor. Taps that meet none
/// have no zeros either.
struct AxisTerms {
    std::int64_t met = 0, with_zeros = 0;

    AxisTerms(std::int64_t inputs, std::int64_t outputs, std::int64_t taps, std::int64_t stride, std::int64_t padding,
              std::int64_t dilation) {
        for (std::int64_t tap = 0; tap < taps; ++tap) {
            const std::int64_t offset = tap * dilation - padding;
            const std::int64_t meets = valid_outputs(outputs, inputs, stride, offset).size();
            const std::int64_t first = offset - floor_div(offset, stride) * stride;  // of the tap's phase
            met += meets;
            if (meets > 0) with_zeros += ceil_div(inputs - first, stride);
        }
    }
};

AxisTerms row_terms(const Conv2dProblem& p) {
    return {p.in_height, p.out_height, p.kernel_height, p.stride_height, p.padding_top, p.dilation_height};
}

AxisTerms column_terms(const Conv2dProblem& p) {
    return {p.in_width, p.out_width, p.kernel_width, p.stride_width, p.padding_left, p.dilation_width};
}

}  // namespace

double terms_over(const Conv2dProblem& p, TileAxis axis, TileAxis other) {
    const AxisTerms rows = row_terms(p), columns = column_terms(p);
    const auto terms = [&](TileAxis along) {
        return static_cast<double>((along == TileAxis::down ? rows.with_zeros : rows.met) *
                                   (along == TileAxis::beside ? columns.with_zeros : columns.met));
    };
    return terms(other) > 0 ? terms(axis) / terms(other) : 1;
}

TileAxis tile_axis_of_image(const Conv2dProblem& p) {
    // Rows are packed and written as they lie in memory: columns must save more than that gains.
    constexpr double worthwhile = 0.95;
    // Shorter tiles wait for their sums.
    constexpr std::int64_t long_line = 8;
    const bool saves = terms_over(p, TileAxis::down, TileAxis::beside) < worthwhile;
    return ceil_div(p.in_height, p.stride_height) >= long_line && saves ? TileAxis::down : TileAxis::beside;
}

std::vector<std::int64_t> images_across(const Conv2dInputPlan& plan, const Conv2dProblem& p, const Strategy& strategy) {
    // Their pixels lie far apart, and are moved together first.
    constexpr double worthwhile = 0.95;
    constexpr std::int64_t least = 4, most = 32;
    const double left = terms_over(p, TileAxis::across_images, tile_axis_of_image(p));
    if (plan.family == LaneFamily::pixels || strategy.partition != Partition::automatic || left > worthwhile) return {};
    std::vector<std::int64_t> counts;
    // Each a quarter smaller than the last: closer ones would only make planning longer.
    for (std::int64_t parts = ceil_div(p.batch, most); parts > 0 && p.batch / parts >= least; ++parts)
        if (counts.empty() || 4 * ceil_div(p.batch, parts) <= 3 * counts.back())
            counts.push_back(ceil_div(p.batch, parts));
    return counts;
}

double own_weights_cycles(const Conv2dProblem& p, const Conv2dInputPlan& plan, std::int64_t channel_tiles) {
    return split_cycles * static_cast<double>(p.out_channels * p.taps() * channel_tiles * plan.channel_tiles.width());
}

std::vector<InputCut> block_cuts(const Conv2dInputPlan& plan, const Conv2dProblem& p, const RegisterTiles& tiles,
                                 std::size_t element_bytes, const Strategy& strategy, int vectors,
                                 bool weights_shared) {
    const bool tasks_may_pack = !weights_shared && strategy.partition == Partition::automatic;
    return Estimates(p, plan, tiles, element_bytes, strategy, tasks_may_pack).all(vectors);
}

void plan_blocks(Conv2dInputPlan& plan, const Conv2dProblem& p, const InputCut& cut, const RegisterTiles& tiles,
                 std::size_t element_bytes, const Strategy& strategy) {
    plan.row_blocks = cut.row_blocks;
    plan.column_blocks = cut.column_blocks;
    plan.channel_groups = cut.channel_groups;
    plan.in_pieces = cut.blocks_at_once > 0;
    plan.tasks_pack |= cut.tasks_pack;
    plan.blocks_at_once = std::max<std::int64_t>(1, cut.blocks_at_once);
    plan.blocks = ceil_div(p.batch, plan.block_images) * plan.row_blocks * plan.column_blocks;
    plan.block_groups = ceil_div(plan.blocks, cut.blocks_per_task);
    follow_partition(plan, p, strategy.partition);
    plan.tasks = p.groups * plan.channel_groups * plan.block_groups;
    size_memory(plan, p, tiles, element_bytes);
}

}  // namespace backgrad::plan
