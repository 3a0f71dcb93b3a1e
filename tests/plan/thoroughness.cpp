#include <cstdlib>

namespace {

// Plans are quick to make: try more than RapidCheck's 100 per property, unless the environment says otherwise.
[[maybe_unused]] const int done = setenv("RC_PARAMS", "max_success=3000", /*overwrite=*/0);

}  // namespace
