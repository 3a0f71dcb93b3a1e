#include "scaling.hpp"

#include <gtest/gtest.h>

namespace backgrad::bench {
namespace {

TEST(SerialFraction, OfAmdahlsLaw) {
    const double fraction = 0.1;
    std::map<int, double> speedups;
    for (const int threads : {1, 2, 4, 8}) speedups[threads] = 1 / (fraction + (1 - fraction) / threads);
    EXPECT_NEAR(serial_fraction(speedups).value(), fraction, 1e-12);
}

TEST(SerialFraction, NeedsMoreThanOneThread) { EXPECT_FALSE(serial_fraction({{1, 1.0}})); }

Result timed(const std::string& variant, int threads, double ms, Scaling scaling) {
    Result result;
    result.cell.shape.name = "s";
    result.cell.variant = variant;
    result.cell.threads = threads;
    result.cell.scaling = scaling;
    result.figures.emplace().ms_median = ms;
    return result;
}

TEST(Scaling, ComparesWithTheBestTimeOnOneThread) {
    const std::string table =
        format_scaling({timed("serial", 1, 8, Scaling::strong), timed("std", 1, 10, Scaling::strong),
                        timed("std", 2, 5, Scaling::strong), timed("naive", 1, 1, Scaling::strong)});
    EXPECT_NE(table.find("1: 0.800  2: 0.800"), std::string::npos) << table;
}

TEST(Scaling, WeakScalingDoesMoreWorkOnMoreThreads) {
    const std::string table = format_scaling({timed("std", 1, 4, Scaling::weak), timed("std", 2, 5, Scaling::weak)});
    EXPECT_NE(table.find("1: 1.000  2: 0.800"), std::string::npos) << table;
}

TEST(Scaling, OneThreadCountHasNoTable) { EXPECT_EQ(format_scaling({timed("std", 1, 4, Scaling::strong)}), ""); }

}  // namespace
}  // namespace backgrad::bench
