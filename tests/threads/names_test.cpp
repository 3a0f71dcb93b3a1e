#include <backgrad/names.hpp>

#include <gtest/gtest.h>

namespace backgrad::test {
namespace {

template <class Enum>
class NamesTest : public testing::Test {};

using Enums = testing::Types<Layout, WeightLayout, WriteMode, Isa, Backend, Partition, Schedule, Reduction,
                             InputGradient, Conv2dAlgorithm, Conv2dOrder, MaxPoolSource, AveragePadding, BlockPool,
                             Activation, ActivationSource>;
TYPED_TEST_SUITE(NamesTest, Enums);

TYPED_TEST(NamesTest, EveryWordReadsBackAsItsValue) {
    for (const Name<TypeParam>& entry : names<TypeParam>) {
        EXPECT_EQ(parse<TypeParam>("argument", entry.word), entry.value) << entry.word;
        EXPECT_EQ(parse<TypeParam>("argument", name(entry.value)), entry.value) << entry.word;
    }
}

TYPED_TEST(NamesTest, AnUnknownWordIsAnErrorThatListsTheWords) {
    try {
        parse<TypeParam>("--option", "nonsense");
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.argument(), "--option");
        for (const Name<TypeParam>& entry : names<TypeParam>) {
            EXPECT_NE(std::string(error.what()).find(entry.word), std::string::npos) << error.what();
        }
    }
}

TEST(ScheduleNames, ReadBackWithTheirChunk) {
    for (const char* text : {"auto", "static", "dynamic:4", "guided:1", "simple:16"}) {
        EXPECT_EQ(schedule_name(parse_schedule("argument", text)), text);
    }
}

}  // namespace
}  // namespace backgrad::test
