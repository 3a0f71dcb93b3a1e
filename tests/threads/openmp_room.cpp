// Not a test, but what the tests of this program need of LLVM's OpenMP runtime.
#if defined(BACKGRAD_HAS_OPENMP) && defined(__clang__)

#include "environment.hpp"

#include <gtest/gtest.h>

#include <omp.h>

namespace backgrad::test {
namespace {

/// LLVM 14's runtime keeps its threads in a table of 32, or of four times OMP_NUM_THREADS or the processors. When it
/// outgrows that, it moves the table while starting threads look themselves up there, and about one process in 200
/// crashes. So it reads at its start that there is to be room for eight hosts' teams of 16.
class OpenmpRoom : public testing::Environment {
    void SetUp() override {
        const ScopedEnvironment a_quarter_of_the_room("OMP_NUM_THREADS", "33");
        static_cast<void>(omp_get_num_procs());
    }
};

[[maybe_unused]] const testing::Environment* const room = testing::AddGlobalTestEnvironment(new OpenmpRoom);

}  // namespace
}  // namespace backgrad::test

#endif
