#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace backgrad::plan {

/// Which elements of a source line the elements of a destination line are made of: for each vector of the destination
/// a list of steps. Whether windows overlap, how they are strided, padded or dilated, is all in here, so the loops
/// that run a program know none of it.
struct GatherProgram {
    int lanes = 1;
    int span = 1;  ///< elements that one step may reach, `lanes` or twice as many
    std::int64_t vectors = 0;
    std::vector<std::int64_t> first_step;  ///< steps first_step[v] to first_step[v + 1] - 1 belong to vector v
    std::vector<std::int32_t> base;        ///< of each step: the first element of the source line that it may read
    std::vector<std::uint32_t> loaded;     ///< bit k: element base + k is read
    std::vector<std::uint16_t> taken;      ///< bit k: lane k takes an element
    /// Lane k of step s takes element base[s] + relative[pattern[s] + k], none if negative. Patterns are few, however
    /// long the line. Empty if lane k takes element base[s] + k in every step.
    std::vector<std::int64_t> key;  ///< of the terms of each step
    std::vector<std::int32_t> pattern;
    std::vector<std::int32_t> relative;

    bool shifted() const { return relative.empty(); }
    /// What whole vectors read of the source line: elements [first_read(), end_read()).
    std::int64_t first_read() const;
    std::int64_t end_read() const;
    /// Steps of every vector, 0 if they differ.
    std::int64_t steps_of_all() const;
    /// Appends steps that take nothing, so that every vector has as many as the longest, if that makes the program not
    /// much longer: a constant number of steps needs no loop.
    void even_out();
    void add(std::int64_t step_key, std::int64_t step_base, std::uint32_t step_loaded, std::uint16_t step_taken);
    void add_permuted(std::int64_t step_key, std::int64_t step_base, std::uint32_t step_loaded,
                      std::uint16_t step_taken, const std::vector<std::int32_t>& step_relative);
};

/// An element that a destination takes. Elements are taken in ascending order of the key; lanes with one key share a
/// step if they can.
struct GatherTerm {
    std::int64_t key;
    std::int64_t element;
};

/// The program of a line of `elements` destinations, where terms(k) lists the terms of destination k.
GatherProgram make_program(std::int64_t elements, int lanes, int span,
                           const std::function<std::vector<GatherTerm>(std::int64_t)>& terms);

}  // namespace backgrad::plan
