#include "isa/isa.hpp"

#include <backgrad/error.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace backgrad::test {
namespace {

class IsaTest : public testing::Test {
protected:
    IsaTest() { unsetenv("BACKGRAD_MAX_ISA"); }
    ~IsaTest() override { unsetenv("BACKGRAD_MAX_ISA"); }
};

TEST_F(IsaTest, TheScalarKernelsRunEverywhere) { EXPECT_TRUE(isa::available(Isa::scalar)); }

TEST_F(IsaTest, AutomaticIsTheBestAvailable) {
    const Isa best = isa::resolve(Isa::automatic);
    EXPECT_TRUE(isa::available(best));
    for (const Isa better : {Isa::avx2, Isa::avx512}) {
        if (better > best) {
            EXPECT_FALSE(isa::available(better)) << isa::name(better);
        }
    }
}

TEST_F(IsaTest, TheEnvironmentCapsTheAutomaticChoiceOnly) {
    for (const Isa limit : {Isa::scalar, Isa::avx2, Isa::avx512}) {
        setenv("BACKGRAD_MAX_ISA", isa::name(limit), 1);
        EXPECT_LE(isa::resolve(Isa::automatic), limit);
        if (isa::available(limit)) {
            EXPECT_EQ(isa::resolve(Isa::automatic), limit);
        }
        for (const Isa asked : {Isa::scalar, Isa::avx2, Isa::avx512}) {
            if (isa::available(asked)) {
                EXPECT_EQ(isa::resolve(asked), asked);
            }
        }
    }
}

TEST_F(IsaTest, AnUnknownCapIsAnErrorThatNamesTheVariable) {
    setenv("BACKGRAD_MAX_ISA", "avx3", 1);
    try {
        isa::resolve(Isa::automatic);
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.argument(), "BACKGRAD_MAX_ISA");
    }
}

TEST_F(IsaTest, AnIsaThatTheCpuLacksIsAnError) {
    for (const Isa asked : {Isa::avx2, Isa::avx512}) {
        if (!isa::available(asked)) {
            EXPECT_THROW(isa::resolve(asked), Error) << isa::name(asked);
        }
    }
}

TEST_F(IsaTest, EveryAvailableIsaHasATableOfItsOwn) {
    for (const Isa one : {Isa::scalar, Isa::avx2, Isa::avx512}) {
        if (!isa::available(one)) continue;
        const kernels::KernelTable& table = isa::table(one);
        EXPECT_NE(table.conv2d_f32, nullptr);
        EXPECT_NE(table.conv2d_f64, nullptr);
        EXPECT_NE(table.pool2d_f32, nullptr);
        EXPECT_NE(table.pool2d_f64, nullptr);
        EXPECT_NE(table.activation_f32, nullptr);
        EXPECT_NE(table.activation_f64, nullptr);
        for (const Isa other : {Isa::scalar, Isa::avx2, Isa::avx512}) {
            if (isa::available(other) && other != one) {
                EXPECT_NE(&isa::table(other), &table);
            }
        }
    }
}

}  // namespace
}  // namespace backgrad::test
