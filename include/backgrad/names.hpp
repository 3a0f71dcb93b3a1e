#pragma once

#include <backgrad/activation.hpp>
#include <backgrad/block.hpp>
#include <backgrad/conv2d.hpp>
#include <backgrad/error.hpp>
#include <backgrad/pool2d.hpp>
#include <backgrad/strategy.hpp>
#include <backgrad/types.hpp>

#include <charconv>
#include <string>
#include <string_view>

/// The words that stand for the values of backgrad's enumerations, in the environment, on the command line and in
/// reports. One table per enumeration; where two words mean one value, the first is the one that is printed.
namespace backgrad {

/// A word and what it means.
template <class Enum>
struct Name {
    Enum value;
    std::string_view word;
};

/// The table of an enumeration.
template <class Enum>
inline constexpr Name<Enum> names[] = {};

template <>
inline constexpr Name<Layout> names<Layout>[] = {
    {Layout::nchw, "nchw"},
    {Layout::nhwc, "nhwc"},
};

template <>
inline constexpr Name<WeightLayout> names<WeightLayout>[] = {
    {WeightLayout::automatic, "auto"},
    {WeightLayout::oihw, "oihw"},
    {WeightLayout::ohwi, "ohwi"},
};

template <>
inline constexpr Name<WriteMode> names<WriteMode>[] = {
    {WriteMode::overwrite, "overwrite"},
    {WriteMode::accumulate, "accumulate"},
};

template <>
inline constexpr Name<Isa> names<Isa>[] = {
    {Isa::automatic, "auto"},
    {Isa::scalar, "scalar"},
    {Isa::avx2, "avx2"},
    {Isa::avx512, "avx512"},
};

template <>
inline constexpr Name<Backend> names<Backend>[] = {
    {Backend::automatic, "auto"},  {Backend::serial, "serial"},   {Backend::openmp, "openmp"}, {Backend::tbb, "tbb"},
    {Backend::std_threads, "std"}, {Backend::caller, "callback"}, {Backend::caller, "caller"},
};

template <>
inline constexpr Name<Partition> names<Partition>[] = {
    {Partition::automatic, "auto"},  {Partition::batch, "batch"},
    {Partition::channel, "channel"}, {Partition::batch_channel, "batch_channel"},
    {Partition::spatial, "spatial"},
};

template <>
inline constexpr Name<Schedule> names<Schedule>[] = {
    {Schedule::automatic, "auto"},        {Schedule::static_, "static"},
    {Schedule::dynamic, "dynamic"},       {Schedule::guided, "guided"},
    {Schedule::tbb_auto, "tbb_auto"},  // "auto" alone is taken
    {Schedule::tbb_affinity, "affinity"}, {Schedule::tbb_affinity, "tbb_affinity"},
    {Schedule::tbb_simple, "simple"},     {Schedule::tbb_simple, "tbb_simple"},
};

template <>
inline constexpr Name<Reduction> names<Reduction>[] = {
    {Reduction::automatic, "auto"},
    {Reduction::owner, "owner"},
    {Reduction::partials, "partials"},
};

template <>
inline constexpr Name<InputGradient> names<InputGradient>[] = {
    {InputGradient::adjoint, "adjoint"},
    {InputGradient::rotated_kernel, "rotated_kernel"},
};

template <>
inline constexpr Name<Conv2dAlgorithm> names<Conv2dAlgorithm>[] = {
    {Conv2dAlgorithm::direct, "direct"},
};

template <>
inline constexpr Name<Conv2dOrder> names<Conv2dOrder>[] = {
    {Conv2dOrder::together, "together"},
    {Conv2dOrder::weights_first, "weights_first"},
};

template <>
inline constexpr Name<MaxPoolSource> names<MaxPoolSource>[] = {
    {MaxPoolSource::plane_indices, "from_indices"},
    {MaxPoolSource::window_offsets, "from_offsets"},
    {MaxPoolSource::input, "from_input"},
};

template <>
inline constexpr Name<AveragePadding> names<AveragePadding>[] = {
    {AveragePadding::exclude, "exclude_padding"},
    {AveragePadding::include, "include_padding"},
};

template <>
inline constexpr Name<GlobalAverageGradient> names<GlobalAverageGradient>[] = {
    {GlobalAverageGradient::full, "full"},
    {GlobalAverageGradient::local_derivative, "local_derivative"},
};

template <>
inline constexpr Name<BlockPool> names<BlockPool>[] = {
    {BlockPool::none, "none"},
    {BlockPool::max, "max"},
    {BlockPool::average, "avg"},
};

template <>
inline constexpr Name<Activation> names<Activation>[] = {
    {Activation::linear, "linear"},   {Activation::relu, "relu"},           {Activation::leaky_relu, "leaky_relu"},
    {Activation::sigmoid, "sigmoid"}, {Activation::tanh, "tanh"},           {Activation::gelu_erf, "gelu_erf"},
    {Activation::gelu_erf, "gelu"},   {Activation::gelu_tanh, "gelu_tanh"}, {Activation::silu, "silu"},
    {Activation::elu, "elu"},         {Activation::softplus, "softplus"},   {Activation::hardswish, "hardswish"},
};

template <>
inline constexpr Name<ActivationSource> names<ActivationSource>[] = {
    {ActivationSource::input, "input"},
    {ActivationSource::output, "output"},
    {ActivationSource::mask, "mask"},
};

/// The word for a value. Points to a string literal, so `.data()` ends in a null character.
template <class Enum>
constexpr std::string_view name(Enum value) noexcept {
    for (const Name<Enum>& entry : names<Enum>) {
        if (entry.value == value) return entry.word;
    }
    return "unknown";
}

/// All words of an enumeration, "a, b or c", for messages.
template <class Enum>
std::string listed_names() {
    std::string list;
    for (const Name<Enum>& entry : names<Enum>) {
        const bool last = &entry == std::end(names<Enum>) - 1;
        if (!list.empty()) list += last ? " or " : ", ";
        list += entry.word;
    }
    return list;
}

/// The value a word means. Throws Error under the name `argument`.
template <class Enum>
Enum parse(std::string_view argument, std::string_view word) {
    for (const Name<Enum>& entry : names<Enum>) {
        if (entry.word == word) return entry.value;
    }
    throw Error(std::string(argument), listed_names<Enum>(), '"' + std::string(word) + '"');
}

/// A schedule with its chunk, written "dynamic:4"; without ":" the chunk is 0, the back end's default.
struct ScheduleAndChunk {
    Schedule schedule = Schedule::automatic;
    int chunk = 0;
};

/// Reads "schedule" or "schedule:chunk" with a positive chunk. Throws Error under the name `argument`.
inline ScheduleAndChunk parse_schedule(std::string_view argument, std::string_view text) {
    const std::size_t colon = text.find(':');
    ScheduleAndChunk result{parse<Schedule>(argument, text.substr(0, colon)), 0};
    if (colon == std::string_view::npos) return result;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, result.chunk);
    if (error != std::errc{} || rest != end || result.chunk < 1) {
        throw Error(std::string(argument), "a positive number of tasks after \":\"", '"' + std::string(text) + '"');
    }
    return result;
}

/// The text that parse_schedule reads.
inline std::string schedule_name(ScheduleAndChunk value) {
    const std::string word(name(value.schedule));
    return value.chunk == 0 ? word : word + ':' + std::to_string(value.chunk);
}

}  // namespace backgrad
