#include "operation.hpp"

namespace backgrad::bench {
namespace {

constexpr std::string_view mask_suffix = "_from_mask";

/// The first word of each value, with `first` in front.
template <class Enum>
std::vector<std::string> words_of(Enum first) {
    std::vector<std::string> words{std::string(name(first))};
    for (const Name<Enum>& entry : names<Enum>) {
        const bool alias = entry.word != name(entry.value);
        if (entry.value != first && !alias) words.emplace_back(entry.word);
    }
    return words;
}

}  // namespace

ShapeKind kind_of(Operation operation) {
    switch (operation) {
        case Operation::conv2d_backward_input:
        case Operation::conv2d_backward_weight:
        case Operation::conv2d_backward:
            return ShapeKind::conv2d;
        case Operation::max_pool2d_backward:
        case Operation::avg_pool2d_backward:
        case Operation::global_avg_pool2d_backward:
            return ShapeKind::pool2d;
        case Operation::activation_backward:
            return ShapeKind::activation;
        case Operation::block_backward:
            return ShapeKind::block;
        case Operation::launch:
            break;
    }
    return ShapeKind::none;
}

const std::vector<std::string>& modes_of(Operation operation) {
    static const std::vector<std::string> plain{"default"};
    static const std::vector<std::string> max_pool = words_of(MaxPoolSource::plane_indices);
    static const std::vector<std::string> average = words_of(AveragePadding::exclude);
    static const std::vector<std::string> activation = [] {
        std::vector<std::string> words = words_of(Activation::relu);
        for (const Activation masked : {Activation::relu, Activation::leaky_relu}) {
            words.push_back(std::string(name(masked)) + std::string(mask_suffix));
        }
        return words;
    }();
    switch (operation) {
        case Operation::max_pool2d_backward:
            return max_pool;
        case Operation::avg_pool2d_backward:
            return average;
        case Operation::activation_backward:
            return activation;
        default:
            return plain;
    }
}

ActivationMode activation_mode(std::string_view mode) {
    const bool masked = mode.ends_with(mask_suffix);
    if (masked) mode.remove_suffix(mask_suffix.size());
    return {parse<Activation>("--modes", mode), masked};
}

std::string join_alternatives(const std::vector<std::string>& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
        text += words[i];
    }
    return text;
}

}  // namespace backgrad::bench
