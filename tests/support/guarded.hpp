#pragma once

#include <backgrad/workspace.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace backgrad::test {

/// A buffer between two guard zones. Everything starts as bytes of 0xff, which is a NaN in float and in double: code
/// that reads what it should overwrite, or reads past an end, shows it in its results; code that writes past an end
/// damages a guard. Tensors start at an address that is aligned to their element and to nothing more.
template <class T>
class Guarded {
public:
    using value_type = T;

    explicit Guarded(std::int64_t elements, std::size_t alignment = 0)
        : elements_(static_cast<std::size_t>(elements)),
          front_(alignment == 0 ? guard + sizeof(T) : guard),
          bytes_(front_ + elements_ * sizeof(T) + guard),
          memory_(static_cast<std::byte*>(::operator new (bytes_, std::align_val_t{guard}))) {
        reset();
    }

    /// Back to NaN everywhere.
    void reset() { std::memset(memory_.get(), 0xff, bytes_); }

    T* data() { return reinterpret_cast<T*>(memory_.get() + front_); }
    const T* data() const { return reinterpret_cast<const T*>(memory_.get() + front_); }
    T* begin() { return data(); }
    T* end() { return data() + elements_; }
    const T* begin() const { return data(); }
    const T* end() const { return data() + elements_; }
    T& operator[](std::size_t k) { return data()[k]; }
    const T& operator[](std::size_t k) const { return data()[k]; }
    std::size_t size() const { return elements_; }

    /// True while nothing was written into the guard zones.
    bool intact() const {
        const auto untouched = [](std::byte byte) { return byte == std::byte{0xff}; };
        const std::byte* first = memory_.get();
        return std::all_of(first, first + front_, untouched) &&
               std::all_of(first + bytes_ - guard, first + bytes_, untouched);
    }

    /// True while the buffer itself holds what `reset` left there.
    bool untouched() const {
        const auto* first = reinterpret_cast<const std::byte*>(data());
        return std::all_of(first, first + elements_ * sizeof(T), [](std::byte b) { return b == std::byte{0xff}; });
    }

private:
    // Wider than a vector and its neighbour, and a multiple of the workspace's alignment.
    static constexpr std::size_t guard = 4 * Workspace::alignment;

    struct Free {
        void operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{guard}); }
    };

    std::size_t elements_;
    std::size_t front_;
    std::size_t bytes_;
    std::unique_ptr<std::byte, Free> memory_;
};

/// A workspace between guard zones, aligned as plans demand it.
class GuardedWorkspace : public Guarded<std::byte> {
public:
    explicit GuardedWorkspace(std::size_t bytes)
        : Guarded<std::byte>(static_cast<std::int64_t>(bytes), Workspace::alignment) {}
};

/// Equal in every bit, zeros' signs and the payloads of NaN included.
template <class T>
bool same_bits(const Guarded<T>& a, const Guarded<T>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

}  // namespace backgrad::test
