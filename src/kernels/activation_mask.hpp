#pragma once

#include "kernels/activation_kernels.hpp"
#include "simd/vec.hpp"

#include <cstdint>

namespace backgrad::BACKGRAD_ISA {
namespace {

/// A mask as what a derivative is computed from.
template <class T>
class MaskSource {
public:
    using Value = typename vec<T>::mask;

    explicit MaskSource(const kernels::ActivationTensors<T>& tensors) : mask_(tensors.mask) {}

    Value load(std::int64_t k) const {
        // Almost always; a constant number of bytes is one load.
        if (k % 8 == 0) return vec<T>::mask_of_bits(bytes(k / 8, (lanes + 7) / 8));
        return load_first(k, lanes);
    }

    /// Reads no byte without a bit of these.
    Value load_first(std::int64_t k, int n) const {
        return vec<T>::mask_of_bits(bytes(k / 8, static_cast<int>((k + n - 1) / 8 - k / 8) + 1) >> k % 8);
    }

private:
    static constexpr int lanes = vec<T>::lanes;

    [[gnu::always_inline]] unsigned bytes(std::int64_t first, int count) const {
        unsigned bits = 0;
        for (int j = 0; j < count; ++j) bits |= static_cast<unsigned>(mask_[first + j]) << 8 * j;
        return bits;
    }

    const std::uint8_t* mask_;
};

template <class T>
void fill_mask(const T* input, std::int64_t elements, std::uint8_t* mask) {
    constexpr int lanes = vec<T>::lanes, group = lanes > 8 ? lanes : 8;
    std::int64_t k = 0;
    for (; k + group <= elements; k += group) {
        unsigned bits = 0;
        for (int j = 0; j < group; j += lanes) {
            bits |= vec<T>::bits_of(less(vec<T>::zero(), vec<T>::load(input + k + j))) << j;
        }
        for (int j = 0; j < group; j += 8) mask[(k + j) / 8] = static_cast<std::uint8_t>(bits >> j);
    }
    for (; k < elements; k += 8) {
        unsigned bits = 0;
        for (std::int64_t j = 0; j < 8 && k + j < elements; ++j) bits |= input[k + j] > 0 ? 1u << j : 0u;
        mask[k / 8] = static_cast<std::uint8_t>(bits);
    }
}

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
