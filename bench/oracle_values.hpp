#pragma once

#include "cell.hpp"
#include "problem.hpp"

#include <cstdint>

namespace backgrad::bench {

/// An exact value and how far a sound implementation may be from it.
struct Bounded {
    double value;
    double tolerance;
};

/// The oracle's view of one output tensor of a problem.
template <class T>
class OracleValues {
public:
    /// `output` counts as Problem::outputs does.
    OracleValues(const Cell& cell, const Problem<T>& problem, std::size_t output);

    /// Element `index` of the NCHW order.
    Bounded at(std::int64_t index) const;

    /// About how many steps the oracle takes for one element.
    std::int64_t steps_each() const;

private:
    Bounded conv2d(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const;
    Bounded pool2d(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const;
    Bounded activation(std::int64_t index) const;

    const Cell& cell_;
    const Problem<T>& problem_;
    const Tensor<T>* tensor_;
    Tensor<T> pooled_, activated_;  ///< blocks: by plain loops
    const Tensor<T>* grad_output_;  ///< of the convolution
};

extern template class OracleValues<float>;
extern template class OracleValues<double>;

}  // namespace backgrad::bench
