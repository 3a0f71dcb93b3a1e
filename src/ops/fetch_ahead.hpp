#pragma once

#include <cstddef>
#include <cstdint>

namespace backgrad::ops {

/// Memory that a later phase reads, for the tasks of this one to fetch while they compute.
class FetchAhead {
public:
    struct Stretch {
        const std::byte* begin;
        std::int64_t bytes;
    };
    static constexpr int most = 4;

    void add(const void* begin, std::int64_t bytes) {
        if (begin != nullptr && count_ < most) stretches_[count_++] = {static_cast<const std::byte*>(begin), bytes};
    }

    /// Part `index` of `parts` of every stretch.
    FetchAhead part(std::int64_t index, std::int64_t parts) const {
        FetchAhead result;
        for (const Stretch& stretch : *this) {
            const std::int64_t size = stretch.bytes / parts, from = index * size;
            result.add(stretch.begin + from, index + 1 == parts ? stretch.bytes - from : size);
        }
        return result;
    }

    std::int64_t bytes() const {
        std::int64_t sum = 0;
        for (const Stretch& stretch : *this) sum += stretch.bytes;
        return sum;
    }

    const Stretch* begin() const { return stretches_; }
    const Stretch* end() const { return stretches_ + count_; }

private:
    Stretch stretches_[most];
    int count_ = 0;
};

}  // namespace backgrad::ops
