#include "plan/segments.hpp"

#include "plan/conv2d_problem.hpp"
#include "plan/properties.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace backgrad::plan {
namespace {

using test::any;

TEST(Share, CutsARangeIntoEqualParts) {
    EXPECT_TRUE(rc::check([] {
        const std::int64_t size = any(0, 1000), parts = any(1, 50);
        std::int64_t position = 0;
        for (std::int64_t p = 0; p < parts; ++p) {
            const Range range = share(size, parts, p);
            RC_ASSERT(range.begin == position);
            RC_ASSERT(range.size() == size / parts || range.size() == size / parts + 1);
            position = range.end;
        }
        RC_ASSERT(position == size);
    }));
}

TEST(Share, GivesNeighboursTogetherTheirPartOfTheWhole) {
    EXPECT_TRUE(rc::check([] {
        const std::int64_t size = any(0, 1000), parts = any(1, 50), first = any(0, parts),
                           count = any(0, parts - first);
        if (count == 0) return;
        const std::int64_t together = share(size, parts, first + count - 1).end - share(size, parts, first).begin;
        RC_ASSERT(std::abs(together * parts - size * count) < parts);
    }));
}

TEST(EvenParts, AreTheFewestSharesThatHoldAtMostSoMany) {
    EXPECT_TRUE(rc::check([] {
        const std::int64_t size = any(0, 1000), most = any(1, 60);
        std::vector<Range> parts;
        EvenParts(size, most).for_each([&](Range part) { parts.push_back(part); });
        const auto count = static_cast<std::int64_t>(parts.size());
        RC_ASSERT(count == std::max<std::int64_t>(1, ceil_div(size, most)));
        for (std::int64_t p = 0; p < count; ++p) {
            const Range part = parts[static_cast<std::size_t>(p)], expected = share(size, count, p);
            RC_ASSERT(part.begin == expected.begin && part.end == expected.end);
        }
    }));
}

TEST(ValidOutputs, HoldsExactlyThePositionsThatMeetTheInput) {
    EXPECT_TRUE(rc::check([] {
        const std::int64_t outputs = any(0, 40), inputs = any(0, 40), stride = any(1, 5), offset = any(-30, 30);
        const Range range = valid_outputs(outputs, inputs, stride, offset);
        for (std::int64_t o = 0; o < outputs; ++o) {
            const std::int64_t position = o * stride + offset;
            RC_ASSERT((range.begin <= o && o < range.end) == (0 <= position && position < inputs));
        }
        RC_ASSERT(range.size() == 0 || (range.begin >= 0 && range.end <= outputs));
    }));
}

/// Counts how often the segments meet each pixel.
std::vector<int> visits(const Segments& segments) {
    std::vector<int> counts(static_cast<std::size_t>(segments.batch * segments.height * segments.width));
    for (std::int64_t s = 0; s < segments.count; ++s) {
        const PixelBox box = segments.box(s);
        for (std::int64_t n = box.image_begin; n < box.image_end; ++n)
            for (std::int64_t y = box.row_begin; y < box.row_end; ++y)
                for (std::int64_t x = box.column_begin; x < box.column_end; ++x)
                    ++counts.at(static_cast<std::size_t>((n * segments.height + y) * segments.width + x));
    }
    return counts;
}

TEST(Segments, MeetEveryPixelOnce) {
    EXPECT_TRUE(rc::check([] {
        const std::int64_t terms = any(1, 200);
        const Segments segments = make_segments(any(0, 20), any(0, 30), any(0, 300), terms);
        const std::vector<int> counts = visits(segments);
        RC_ASSERT(std::all_of(counts.begin(), counts.end(), [](int count) { return count == 1; }));
    }));
}

TEST(Segments, CountThePixelsBeforeEach) {
    EXPECT_TRUE(rc::check([] {
        const Segments segments = make_segments(any(0, 20), any(0, 30), any(0, 300), any(1, 200));
        std::int64_t pixels = 0;
        for (std::int64_t s = 0; s < segments.count; ++s) {
            RC_ASSERT(segments.pixels_before(s) == pixels);
            pixels += segments.box(s).pixels();
        }
        RC_ASSERT(segments.pixels_before(segments.count) == pixels);
    }));
}

TEST(Segments, AreNeitherEmptyNorLongerThanTheySay) {
    EXPECT_TRUE(rc::check([] {
        const std::int64_t terms = any(1, 2000);
        const Segments segments = make_segments(any(1, 40), any(1, 60), any(1, 5000), terms);
        for (std::int64_t s = 0; s < segments.count; ++s) {
            RC_ASSERT(segments.box(s).pixels() > 0);
            RC_ASSERT(segments.box(s).pixels() <= segments.largest());
        }
        RC_ASSERT(segments.largest() <= 2 * terms);
    }));
}

TEST(Segments, OfNothingAreNone) {
    for (const Segments& segments :
         {make_segments(0, 3, 3, 10), make_segments(2, 0, 3, 10), make_segments(2, 3, 0, 10)})
        EXPECT_EQ(segments.count, 0);
}

}  // namespace
}  // namespace backgrad::plan
