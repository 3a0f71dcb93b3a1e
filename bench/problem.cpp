#include "problem.hpp"

#include "first_touch.hpp"
#include "random.hpp"

#include <backgrad/activation.hpp>

#include <algorithm>
#include <limits>
#include <string>

namespace backgrad::bench {
namespace {

std::uint64_t seed_of(const Cell& cell, const char* tensor) {
    std::string text = std::string(name(cell.operation)) + "/" + cell.shape.name + "/" + tensor;
    for (const std::int64_t value : cell.shape.values) text += "/" + std::to_string(value);
    return hash_text(text);
}

/// Multiples of 2^-11 in [-scale, scale): they are exact in both types, and equal values occur within a pooling window.
template <class T>
void fill(const Tensor<T>& tensor, std::uint64_t seed, double scale) {
    for (std::int64_t i = 0; i < tensor.elements(); ++i) {
        const auto step = static_cast<std::int64_t>(random_bits(seed, static_cast<std::uint64_t>(i)) >> 52);
        tensor.logical(i) = static_cast<T>(scale * (static_cast<double>(step) / 2048 - 1));
    }
}

template <class T>
void make_conv2d(Problem<T>& p, const Cell& cell) {
    const Conv2dShape s = conv2d_shape(cell.shape);
    const bool needs_weight = cell.operation != Operation::conv2d_backward_weight;
    const bool needs_input = cell.operation != Operation::conv2d_backward_input;
    const std::int64_t group_channels = s.in_channels / s.groups;
    const auto weights = [&] {
        return Tensor<T>(cell.layout, s.out_channels, group_channels, s.kernel_height, s.kernel_width);
    };
    const auto inputs = [&] { return Tensor<T>(cell.layout, s.batch, s.in_channels, s.in_height, s.in_width); };
    p.grad_output = Tensor<T>(cell.layout, s.batch, s.out_channels, s.formula_out_height(), s.formula_out_width());
    if (needs_weight) {
        p.weight = weights();
        p.grad_input = inputs();
    }
    if (needs_input) {
        p.input = inputs();
        p.grad_weight = weights();
        p.grad_bias = Tensor<T>(cell.layout, 1, s.out_channels, 1, 1);
    }
}

/// The first maximum of each window, as a forward pass would have saved it.
template <class T>
void save_maxima(Problem<T>& p, const Tensor<T>& input, const Pool2dShape& s, Layout layout) {
    p.plane_indices = Tensor<std::int32_t>(layout, s.batch, s.channels, s.out_height(), s.out_width());
    p.window_offsets = Tensor<std::uint8_t>(layout, s.batch, s.channels, s.out_height(), s.out_width());
    for (std::int64_t i = 0; i < p.plane_indices.elements(); ++i) {
        const std::int64_t x = i % s.out_width(), y = i / s.out_width() % s.out_height();
        const std::int64_t plane = i / s.out_width() / s.out_height();
        std::int64_t best = -1, best_offset = 0;
        for (std::int64_t cell = 0; cell < s.window_height * s.window_width; ++cell) {
            const std::int64_t row = y * s.stride_height - s.padding_top + cell / s.window_width;
            const std::int64_t column = x * s.stride_width - s.padding_left + cell % s.window_width;
            if (row < 0 || row >= s.in_height || column < 0 || column >= s.in_width) continue;
            const std::int64_t place = row * s.in_width + column;
            const std::int64_t origin = plane * s.in_height * s.in_width;
            if (best >= 0 && !(input.logical(origin + place) > input.logical(origin + best))) continue;
            best = place;
            best_offset = cell;
        }
        p.plane_indices.logical(i) = static_cast<std::int32_t>(best);
        p.window_offsets.logical(i) = static_cast<std::uint8_t>(best_offset);
    }
}

template <class T>
void make_block(Problem<T>& p, const Cell& cell) {
    make_conv2d(p, cell);
    const Pool2dShape s = pool2d_shape(cell.shape);
    p.output = Tensor<T>(cell.layout, s.batch, s.channels, s.in_height, s.in_width);
    p.grad_output = Tensor<T>(cell.layout, s.batch, s.channels, s.out_height(), s.out_width());
}

template <class T>
void make_pool2d(Problem<T>& p, const Cell& cell) {
    const Pool2dShape s = pool2d_shape(cell.shape);
    const bool global = cell.operation == Operation::global_avg_pool2d_backward;
    p.grad_output =
        Tensor<T>(cell.layout, s.batch, s.channels, global ? 1 : s.out_height(), global ? 1 : s.out_width());
    p.grad_input = Tensor<T>(cell.layout, s.batch, s.channels, s.in_height, s.in_width);
    if (cell.operation == Operation::max_pool2d_backward) {
        p.input = Tensor<T>(cell.layout, s.batch, s.channels, s.in_height, s.in_width);
    }
}

template <class T>
void make_activation(Problem<T>& p, const Cell& cell) {
    const InputSizes s = input_sizes(cell.shape);
    for (Tensor<T>* tensor : {&p.grad_output, &p.input, &p.grad_input}) {
        *tensor = Tensor<T>(cell.layout, s.batch, s.channels, s.height, s.width);
    }
}

}  // namespace

template <class T>
Problem<T>::Problem(const Cell& cell, Executor* threads) {
    switch (kind_of(cell.operation)) {
        case ShapeKind::conv2d:
            make_conv2d(*this, cell);
            break;
        case ShapeKind::pool2d:
            make_pool2d(*this, cell);
            break;
        case ShapeKind::activation:
            make_activation(*this, cell);
            break;
        case ShapeKind::block:
            make_block(*this, cell);
            break;
        case ShapeKind::none:
            break;
    }
    if (threads) {
        for (const Tensor<T>* tensor : {&grad_output, &input, &weight, &output, &grad_input, &grad_weight, &grad_bias})
            first_touch(tensor->data(), tensor->bytes(), *threads);
    }
    fill(grad_output, seed_of(cell, "grad_output"), 1);
    fill(input, seed_of(cell, "input"), kind_of(cell.operation) == ShapeKind::activation ? 4 : 1);
    fill(weight, seed_of(cell, "weight"), 1);
    fill(output, seed_of(cell, "output"), 4);
    const bool max_block = cell.shape.kind == ShapeKind::block && block_shape(cell.shape).pool == BlockPool::max;
    if (max_block || cell.operation == Operation::max_pool2d_backward)
        save_maxima(*this, max_block ? output : input, pool2d_shape(cell.shape), cell.layout);
    if (kind_of(cell.operation) == ShapeKind::activation && activation_mode(cell.mode).masked) {
        mask.resize(static_cast<std::size_t>(activation_mask_bytes(input.elements())));
        make_activation_mask(input.elements(), input.data(), mask.data(), static_cast<std::int64_t>(mask.size()));
    }
    poison();
}

template <class T>
std::vector<const Tensor<T>*> Problem<T>::outputs() const {
    std::vector<const Tensor<T>*> present;
    for (const Tensor<T>* tensor : {&grad_input, &grad_weight, &grad_bias}) {
        if (tensor->elements() > 0) present.push_back(tensor);
    }
    return present;
}

template <class T>
void Problem<T>::poison() const {
    for (const Tensor<T>* tensor : outputs()) {
        std::fill_n(tensor->data(), tensor->elements(), std::numeric_limits<T>::quiet_NaN());
    }
}

template <class T>
std::size_t Problem<T>::bytes() const {
    return grad_output.bytes() + input.bytes() + weight.bytes() + output.bytes() + plane_indices.bytes() +
           window_offsets.bytes() + mask.size() + grad_input.bytes() + grad_weight.bytes() + grad_bias.bytes();
}

template struct Problem<float>;
template struct Problem<double>;

}  // namespace backgrad::bench
