#include "threads/make_executor.hpp"

#include <backgrad/strategy.hpp>

namespace backgrad {

std::shared_ptr<Executor> make_executor(const Strategy& strategy) {
    return threads::make_executor(threads::resolve(strategy));
}

}  // namespace backgrad
