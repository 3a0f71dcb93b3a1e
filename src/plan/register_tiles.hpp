#pragma once

#include <cstddef>
#include <cstdint>

namespace backgrad::plan {

/// What a plan must know about an ISA's register tiles. Tile sizes never change a bit of the result.
struct RegisterTiles {
    int lanes;          ///< elements per vector
    int rows_limit[9];  ///< most broadcast rows beside this many vectors
};

/// Whether a vector is as long as a cache line: it crosses one nearly wherever it begins, shorter ones half as often.
inline bool fill_cache_lines(const RegisterTiles& tiles, std::size_t element_bytes) {
    return tiles.lanes * element_bytes >= 64;
}

/// Lanes [0, size) cut into tiles of `vectors` vectors, the last one with fewer.
struct LaneTiles {
    std::int64_t size;  ///< lanes in use
    int vectors;        ///< vectors per full tile
    int lanes;          ///< elements per vector

    std::int64_t width() const { return std::int64_t(vectors) * lanes; }
    std::int64_t count() const { return size == 0 ? 0 : (size + width() - 1) / width(); }
    std::int64_t padded() const { return (size + lanes - 1) / lanes * lanes; }
    int vectors_of(std::int64_t tile) const {
        const std::int64_t left = padded() / lanes - tile * vectors;
        return static_cast<int>(left < vectors ? left : vectors);
    }
    /// Lanes in use of the tile's last vector.
    int last_lanes_of(std::int64_t tile) const {
        const std::int64_t end = (tile * vectors + vectors_of(tile)) * lanes;
        return static_cast<int>(end <= size ? lanes : lanes - (end - size));
    }
};

/// Vectors per tile for `size` lanes and `rows` broadcast rows: the tile with the fewest load and FMA slots per
/// useful FMA. A term of a v x r tile costs max(v * r FMAs, 1.2 (v + r) loads, 8 slots of latency), at two slots a
/// cycle, half of what 12 slots would be more, and a little per load.
LaneTiles choose_lane_tiles(std::int64_t size, std::int64_t rows, const RegisterTiles& tiles);

/// Slots per term and lane-row of the whole block; the measure that choose_lane_tiles minimises.
double tile_slots(std::int64_t size, std::int64_t rows, int vectors, const RegisterTiles& tiles);

/// Slots per term of all tiles that have pixels as lanes, of at most `most_channels` channels and `most_lines` vectors
/// of pixels each: their FMAs, their loads or the latency, a quarter of the loads, of which those that cross cache
/// lines count twice, and a slot to begin and end (within 5% of most measured, AVX-512 and AVX2).
double pixel_tile_slots(std::int64_t channels, std::int64_t most_channels, std::int64_t lines, std::int64_t most_lines,
                        const RegisterTiles& tiles, std::size_t element_bytes);

}  // namespace backgrad::plan
