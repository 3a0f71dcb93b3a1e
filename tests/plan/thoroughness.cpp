#include "support/strategies.hpp"

#include <cstdlib>

namespace {

// Plans are quick to make: try more than RapidCheck's 100 per property, unless the environment says otherwise.
[[maybe_unused]] const int done =
    setenv("RC_PARAMS", backgrad::test::small_scale() ? "max_success=100" : "max_success=2000", /*overwrite=*/0);

}  // namespace
