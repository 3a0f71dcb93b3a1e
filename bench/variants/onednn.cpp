#include "variants/onednn.hpp"

#include "variants/onednn_operations.hpp"

#include <type_traits>

namespace backgrad::bench {
namespace {

std::unique_ptr<Runnable> prepare_operation(const Cell& cell, Problems sets, PeerLayout layout) {
    switch (kind_of(cell.operation)) {
        case ShapeKind::conv2d:
            return prepare_onednn_conv2d(cell, sets, layout);
        case ShapeKind::pool2d:
            return prepare_onednn_pool2d(cell, sets, layout);
        case ShapeKind::block:
            return prepare_onednn_block(cell, sets, layout);
        case ShapeKind::activation:
        case ShapeKind::none:
            break;
    }
    return prepare_onednn_activation(cell, sets, layout);
}

template <class T>
std::unique_ptr<Runnable> prepare(const Cell& cell, std::span<const Problem<T>> sets, PeerLayout layout) {
    if constexpr (std::is_same_v<T, float>) {
        try {
            return prepare_operation(cell, sets, layout);
        } catch (const dnnl::error& error) {
            throw Unsupported(std::string("oneDNN: ") + error.what());
        }
    } else {
        throw Unsupported("oneDNN has no f64 kernels");
    }
}

}  // namespace

dnnl::memory::desc peer_description(const dnnl::memory::desc& plain, const Cell& cell, PeerLayout layout) {
    if (layout == PeerLayout::plain) return plain;
    using Tag = dnnl::memory::format_tag;
    return {plain.dims(), plain.data_type(), cell.isa == Isa::avx512 ? Tag::nChw16c : Tag::nChw8c};
}

template <class T>
std::unique_ptr<Runnable> prepare_onednn_plain(const Cell& cell, std::span<const Problem<T>> sets) {
    return prepare(cell, sets, PeerLayout::plain);
}

template <class T>
std::unique_ptr<Runnable> prepare_onednn_blocked(const Cell& cell, std::span<const Problem<T>> sets) {
    return prepare(cell, sets, PeerLayout::blocked);
}

template std::unique_ptr<Runnable> prepare_onednn_plain(const Cell&, std::span<const Problem<float>>);
template std::unique_ptr<Runnable> prepare_onednn_plain(const Cell&, std::span<const Problem<double>>);
template std::unique_ptr<Runnable> prepare_onednn_blocked(const Cell&, std::span<const Problem<float>>);
template std::unique_ptr<Runnable> prepare_onednn_blocked(const Cell&, std::span<const Problem<double>>);

}  // namespace backgrad::bench
