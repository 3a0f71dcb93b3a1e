#pragma once

#include <backgrad/types.hpp>
#include <backgrad/workspace.hpp>

#include <cstddef>
#include <cstdint>

namespace backgrad::bench {

/// A dense tensor of four dimensions, which it names as those of an activation; weights use (out_channels, in_channels
/// of a group, kernel_height, kernel_width), so that OIHW is nchw and OHWI is nhwc. The memory is the tensor's own.
template <class T>
class Tensor {
public:
    Tensor() = default;
    Tensor(Layout layout, std::int64_t batch, std::int64_t channels, std::int64_t height, std::int64_t width)
        : layout_(layout), batch_(batch), channels_(channels), height_(height), width_(width), memory_(bytes()) {}

    T* data() const noexcept { return static_cast<T*>(memory_.data()); }
    std::int64_t elements() const noexcept { return batch_ * channels_ * height_ * width_; }
    std::size_t bytes() const noexcept { return static_cast<std::size_t>(elements()) * sizeof(T); }
    Layout layout() const noexcept { return layout_; }
    std::int64_t batch() const noexcept { return batch_; }
    std::int64_t channels() const noexcept { return channels_; }
    std::int64_t height() const noexcept { return height_; }
    std::int64_t width() const noexcept { return width_; }

    std::int64_t offset(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const noexcept {
        if (layout_ == Layout::nchw) return ((n * channels_ + c) * height_ + y) * width_ + x;
        return ((n * height_ + y) * width_ + x) * channels_ + c;
    }
    T& at(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const noexcept {
        return data()[offset(n, c, y, x)];
    }

    /// Element `index` of the NCHW order, whatever the layout is.
    T& logical(std::int64_t index) const noexcept {
        if (layout_ == Layout::nchw) return data()[index];
        const std::int64_t x = index % width_, y = index / width_ % height_;
        const std::int64_t plane = index / width_ / height_;
        return at(plane / channels_, plane % channels_, y, x);
    }

private:
    Layout layout_ = Layout::nchw;
    std::int64_t batch_ = 0, channels_ = 0, height_ = 0, width_ = 0;
    Workspace memory_;
};

}  // namespace backgrad::bench
