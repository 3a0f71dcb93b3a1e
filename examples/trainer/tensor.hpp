#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace trainer {

/// Memory for vector code: lines of the cache, so that no vector crosses one.
template <class T>
struct AlignedAllocator {
    using value_type = T;
    static constexpr std::align_val_t alignment{64};

    AlignedAllocator() = default;
    template <class U>
    explicit AlignedAllocator(const AlignedAllocator<U>&) {}

    T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), alignment)); }
    void deallocate(T* memory, std::size_t) noexcept { ::operator delete(memory, alignment); }
    bool operator==(const AlignedAllocator&) const = default;
};

using Values = std::vector<float, AlignedAllocator<float>>;

/// Sizes of an NCHW tensor.
struct Dims {
    std::int64_t batch = 0;
    std::int64_t channels = 0;
    std::int64_t height = 1;
    std::int64_t width = 1;

    std::int64_t pixels() const { return height * width; }
    std::int64_t elements() const { return batch * channels * pixels(); }
    bool operator==(const Dims&) const = default;
};

/// A dense NCHW tensor of floats, zero at first.
struct Tensor {
    Tensor() = default;
    explicit Tensor(const Dims& d) : dims(d), values(static_cast<std::size_t>(d.elements())) {}

    float* data() { return values.data(); }
    const float* data() const { return values.data(); }

    Dims dims;
    Values values;
};

}  // namespace trainer
