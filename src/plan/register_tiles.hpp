#pragma once

#include <cstdint>

namespace backgrad::plan {

/// What a plan must know about an ISA's register tiles. Tile sizes never change a bit of the result.
struct RegisterTiles {
    int lanes;          ///< elements per vector
    int rows_limit[9];  ///< most broadcast rows beside this many vectors
};

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

}  // namespace backgrad::plan
