#include "statistics.hpp"

#include <gtest/gtest.h>

namespace backgrad::bench {
namespace {

TEST(Statistics, QuantilesOfUnsortedValues) {
    EXPECT_EQ(quantile({3, 1, 2}, 0), 1);
    EXPECT_EQ(quantile({3, 1, 2}, 0.5), 2);
    EXPECT_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
    EXPECT_EQ(quantile({5, 4, 3, 2, 1}, 0.75), 4);
    EXPECT_EQ(quantile({7}, 0.25), 7);
}

TEST(Statistics, GeometricMean) { EXPECT_DOUBLE_EQ(geometric_mean({1, 2, 4}), 2); }

}  // namespace
}  // namespace backgrad::bench
