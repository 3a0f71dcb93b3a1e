#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace backgrad::test {

/// Sets an environment variable, or removes it for a null value, until the end of the scope.
class ScopedEnvironment {
public:
    ScopedEnvironment(const char* variable, const char* value) : variable_(variable) {
        if (const char* const old = std::getenv(variable)) old_ = old;
        set(value);
    }
    ~ScopedEnvironment() { set(old_ ? old_->c_str() : nullptr); }
    ScopedEnvironment(const ScopedEnvironment&) = delete;
    ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

private:
    void set(const char* value) const {
        if (value == nullptr) unsetenv(variable_);
        else setenv(variable_, value, 1);
    }

    const char* variable_;
    std::optional<std::string> old_;
};

}  // namespace backgrad::test
