#pragma once

#include "tensor.hpp"
#include "variants/variant.hpp"

#include <dnnl.hpp>

#include <unordered_map>
#include <vector>

namespace backgrad::bench {

/// A oneDNN primitive with its memories, one set of them per data set, and the reorders between plain tensors and the
/// layouts that the primitive reads and writes.
class OnednnRunnable : public Runnable {
public:
    using Arguments = std::unordered_map<int, dnnl::memory>;

    explicit OnednnRunnable(std::size_t sets) : steps_(sets) {}

    void run(std::size_t set) override;
    void publish() override;

    /// A step of data set `set`: the steps of a set run in the order they were added.
    void add(std::size_t set, const dnnl::primitive& primitive, Arguments arguments);

    /// Runs a primitive now, outside of what is timed.
    void run_now(const dnnl::primitive& primitive, const Arguments& arguments);

    /// The memory of an input as `wanted` describes it: the plain tensor itself, or a copy in the wanted layout.
    dnnl::memory input(const dnnl::memory::desc& plain, void* data, const dnnl::memory::desc& wanted);

    /// The memory of an output, likewise; data set 0's copies are brought back by publish.
    dnnl::memory output(std::size_t set, const dnnl::memory::desc& plain, void* data, const dnnl::memory::desc& wanted);

    const dnnl::engine& engine() const noexcept { return engine_; }

private:
    struct Step {
        dnnl::primitive primitive;
        Arguments arguments;
    };
    dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream_{engine_};
    std::vector<std::vector<Step>> steps_;
    std::vector<Step> publishing_;
};

/// The description of a plain tensor. `groups` > 0 splits the first dimension, as oneDNN wants grouped weights.
template <class T>
dnnl::memory::desc plain_description(const Tensor<T>& tensor, std::int64_t groups = 0) {
    const std::int64_t n = tensor.batch(), c = tensor.channels(), h = tensor.height(), w = tensor.width();
    const bool nchw = tensor.layout() == Layout::nchw;
    const dnnl::memory::dims strides =
        nchw ? dnnl::memory::dims{c * h * w, h * w, w, 1} : dnnl::memory::dims{h * w * c, 1, w * c, c};
    constexpr auto f32 = dnnl::memory::data_type::f32;
    if (groups == 0) return {{n, c, h, w}, f32, strides};
    return {
        {groups, n / groups, c, h, w}, f32, {n / groups * strides[0], strides[0], strides[1], strides[2], strides[3]}};
}

/// The same tensor in a layout of the primitive's choice.
inline dnnl::memory::desc any_layout(const dnnl::memory::desc& plain) {
    return {plain.dims(), plain.data_type(), dnnl::memory::format_tag::any};
}

}  // namespace backgrad::bench
