#include "oracle/softmax.hpp"

#include <algorithm>
#include <cmath>

namespace backgrad::oracle {
namespace {

/// Calls visit(first element, row number) for every distribution; its elements are shape.inner apart.
template <class Visit>
void for_each_row(const SoftmaxShape& shape, const Visit& visit) {
    for (std::int64_t o = 0; o < shape.outer; ++o)
        for (std::int64_t i = 0; i < shape.inner; ++i) visit(o * shape.length * shape.inner + i, o * shape.inner + i);
}

/// The softmax of one row.
template <class T>
std::vector<long double> probabilities(const SoftmaxShape& shape, const T* x, std::int64_t first) {
    std::vector<long double> y(shape.length);
    long double largest = -INFINITY, sum = 0;
    for (std::int64_t l = 0; l < shape.length; ++l)
        largest = std::max<long double>(largest, x[first + l * shape.inner]);
    for (std::int64_t l = 0; l < shape.length; ++l)
        sum += y[l] = std::exp(static_cast<long double>(x[first + l * shape.inner]) - largest);
    for (long double& value : y) value /= sum;
    return y;
}

}  // namespace

std::vector<double> softmax_forward(const SoftmaxShape& shape, const double* x) {
    std::vector<double> output(shape.outer * shape.length * shape.inner);
    for_each_row(shape, [&](std::int64_t first, std::int64_t) {
        const auto y = probabilities(shape, x, first);
        for (std::int64_t l = 0; l < shape.length; ++l) output[first + l * shape.inner] = static_cast<double>(y[l]);
    });
    return output;
}

double cross_entropy(const SoftmaxShape& shape, const double* x, const std::int64_t* labels) {
    long double loss = 0;
    for_each_row(shape, [&](std::int64_t first, std::int64_t row) {
        const std::int64_t label = labels[row];
        if (0 <= label && label < shape.length) loss -= std::log(probabilities(shape, x, first)[label]);
    });
    return static_cast<double>(loss);
}

template <class T>
std::vector<double> softmax_backward(const SoftmaxShape& shape, ActivationSource source, const T* grad_output,
                                     const T* value) {
    std::vector<double> grad_input(shape.outer * shape.length * shape.inner);
    for_each_row(shape, [&](std::int64_t first, std::int64_t) {
        std::vector<long double> y(shape.length);
        if (source == ActivationSource::input) {
            y = probabilities(shape, value, first);
        } else {
            for (std::int64_t l = 0; l < shape.length; ++l) y[l] = value[first + l * shape.inner];
        }
        long double dot = 0;
        for (std::int64_t l = 0; l < shape.length; ++l) dot += y[l] * grad_output[first + l * shape.inner];
        for (std::int64_t l = 0; l < shape.length; ++l) {
            const std::int64_t at = first + l * shape.inner;
            grad_input[at] = static_cast<double>(y[l] * (grad_output[at] - dot));
        }
    });
    return grad_input;
}

template <class T>
std::vector<double> softmax_cross_entropy_backward(const SoftmaxShape& shape, double scale, const T* logits,
                                                   const std::int64_t* labels) {
    std::vector<double> grad_logits(shape.outer * shape.length * shape.inner);
    for_each_row(shape, [&](std::int64_t first, std::int64_t row) {
        const std::int64_t label = labels[row];
        if (label < 0 || label >= shape.length) return;
        const auto y = probabilities(shape, logits, first);
        for (std::int64_t l = 0; l < shape.length; ++l)
            grad_logits[first + l * shape.inner] = static_cast<double>((y[l] - (l == label ? 1 : 0)) * scale);
    });
    return grad_logits;
}

template std::vector<double> softmax_backward(const SoftmaxShape&, ActivationSource, const float*, const float*);
template std::vector<double> softmax_backward(const SoftmaxShape&, ActivationSource, const double*, const double*);
template std::vector<double> softmax_cross_entropy_backward(const SoftmaxShape&, double, const float*,
                                                            const std::int64_t*);
template std::vector<double> softmax_cross_entropy_backward(const SoftmaxShape&, double, const double*,
                                                            const std::int64_t*);

}  // namespace backgrad::oracle
