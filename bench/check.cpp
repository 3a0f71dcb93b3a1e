#include "check.hpp"

#include "oracle_values.hpp"
#include "random.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <sstream>

namespace backgrad::bench {
namespace {

// Steps that the oracle may take for one output tensor: a fraction of a second.
constexpr std::int64_t step_budget = 8'000'000;
constexpr std::int64_t least_sample = 64;

/// All indices below `elements`, or the first, the last and a sample.
std::vector<std::int64_t> sample(std::int64_t elements, std::int64_t steps_each, std::uint64_t seed) {
    const std::int64_t count = std::max(least_sample, step_budget / std::max<std::int64_t>(steps_each, 1));
    std::vector<std::int64_t> indices;
    if (count >= elements) {
        for (std::int64_t i = 0; i < elements; ++i) indices.push_back(i);
        return indices;
    }
    indices = {0, elements - 1};
    for (std::int64_t i = 2; i < count; ++i) {
        const std::uint64_t bits = random_bits(seed, static_cast<std::uint64_t>(i));
        indices.push_back(static_cast<std::int64_t>(bits % static_cast<std::uint64_t>(elements)));
    }
    return indices;
}

/// FNV-1a over elements instead of bytes.
class Hash {
public:
    void add(std::uint64_t word) { value_ = (value_ ^ word) * 0x100000001B3u; }
    std::uint64_t value() const { return value_ ^ (value_ >> 32); }

private:
    std::uint64_t value_ = 0xCBF29CE484222325u;
};

template <class T>
void add_bits(Hash& hash, T value) {
    std::uint64_t word = 0;
    std::memcpy(&word, &value, sizeof value);
    hash.add(word);
}

}  // namespace

template <class T>
std::vector<Expectation> expect(const Cell& cell, const Problem<T>& problem) {
    std::vector<Expectation> expectations;
    const auto outputs = problem.outputs();
    for (std::size_t output = 0; output < outputs.size(); ++output) {
        const OracleValues<T> oracle(cell, problem, output);
        const std::uint64_t seed = hash_text(cell.shape.name) + output;
        for (const std::int64_t index : sample(outputs[output]->elements(), oracle.steps_each(), seed)) {
            const auto [value, tolerance] = oracle.at(index);
            expectations.push_back({output, index, value, tolerance});
        }
    }
    return expectations;
}

template <class T>
std::optional<std::string> compare(const Problem<T>& problem, const std::vector<Expectation>& expectations) {
    static constexpr const char* names[] = {"grad_input", "grad_weight", "grad_bias"};
    const Tensor<T>* tensors[] = {&problem.grad_input, &problem.grad_weight, &problem.grad_bias};
    const auto outputs = problem.outputs();
    for (const Expectation& e : expectations) {
        const double actual = outputs[e.output]->logical(e.index);
        if (std::abs(actual - e.value) <= e.tolerance) continue;  // false for NaN
        const auto number = std::find(std::begin(tensors), std::end(tensors), outputs[e.output]) - std::begin(tensors);
        std::ostringstream message;
        message.precision(9);
        message << names[number] << " element " << e.index << " (NCHW order): expected " << e.value << " within "
                << e.tolerance << ", got " << actual;
        return message.str();
    }
    return std::nullopt;
}

template <class T>
std::string checksum(const Problem<T>& problem) {
    Hash hash;
    for (const Tensor<T>* tensor : problem.outputs()) {
        for (std::int64_t i = 0; i < tensor->elements(); ++i) add_bits(hash, tensor->logical(i));
    }
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash.value()));
    return text;
}

template std::vector<Expectation> expect(const Cell&, const Problem<float>&);
template std::vector<Expectation> expect(const Cell&, const Problem<double>&);
template std::optional<std::string> compare(const Problem<float>&, const std::vector<Expectation>&);
template std::optional<std::string> compare(const Problem<double>&, const std::vector<Expectation>&);
template std::string checksum(const Problem<float>&);
template std::string checksum(const Problem<double>&);

}  // namespace backgrad::bench
