#pragma once

#include "kernels/activation_kernels.hpp"
#include "kernels/exponential.hpp"
#include "simd/index.hpp"

/// The derivatives, one small function object each: `operator()(g, s)` gives g * f' from the gradient and the source.
/// Even and mirrored functions are computed from t = -|x|, where the exponential cannot overflow.
namespace backgrad::BACKGRAD_ISA {
namespace {

template <class T>
vec<T> constant(double x) {
    return vec<T>::broadcast(static_cast<T>(x));
}

/// x where f(x) + f(-x) = 1 and `at_minus` = f(-|x|).
template <class T>
vec<T> mirror(vec<T> x, vec<T> at_minus) {
    return select(less(vec<T>::zero(), x), constant<T>(1) - at_minus, at_minus);
}

template <class T>
struct One {
    explicit One(const kernels::ActivationProblem<T>&) {}
    vec<T> operator()(vec<T> g, vec<T>) const { return g; }
};

/// Selects: where f' = 0 the result is +0 whatever g is.
template <class T>
struct Positive {
    explicit Positive(const kernels::ActivationProblem<T>&) {}
    vec<T> operator()(vec<T> g, vec<T> s) const { return (*this)(g, less(vec<T>::zero(), s)); }
    vec<T> operator()(vec<T> g, typename vec<T>::mask positive) const { return select(positive, g, vec<T>::zero()); }
};

template <class T>
struct PositiveOrAlpha {
    explicit PositiveOrAlpha(const kernels::ActivationProblem<T>& problem) : alpha(vec<T>::broadcast(problem.alpha)) {}
    vec<T> operator()(vec<T> g, vec<T> s) const { return (*this)(g, less(vec<T>::zero(), s)); }
    vec<T> operator()(vec<T> g, typename vec<T>::mask positive) const { return select(positive, g, g * alpha); }
    vec<T> alpha;
};

/// (1 + e)^2 as 1 + e (2 + e): for e between 0 and 1 at most a unit in the last place off where fma rounds once.
template <class T>
[[gnu::always_inline]] inline vec<T> square_of_sum(vec<T> e) {
    return fma(e, constant<T>(2) + e, constant<T>(1));
}

/// The derivative of the logistic function at t and -t.
template <class T>
[[gnu::always_inline]] inline vec<T> logistic_slope(vec<T> t) {
    const vec<T> e = exponential(t);
    return e / square_of_sum(e);
}

template <class T>
struct Sigmoid {
    explicit Sigmoid(const kernels::ActivationProblem<T>&) {}
    vec<T> operator()(vec<T> g, vec<T> x) const { return g * logistic_slope(minus_absolute(x)); }
};

template <class T>
struct SigmoidOfOutput {
    explicit SigmoidOfOutput(const kernels::ActivationProblem<T>&) {}
    vec<T> operator()(vec<T> g, vec<T> y) const { return g * (y * (constant<T>(1) - y)); }
};

/// 1 - tanh(x)^2 = 4 s' (2x), s' the slope of the logistic function.
template <class T>
struct Tanh {
    explicit Tanh(const kernels::ActivationProblem<T>&) {}
    vec<T> operator()(vec<T> g, vec<T> x) const {
        const vec<T> t = minus_absolute(x);
        return g * (constant<T>(4) * logistic_slope(t + t));
    }
};

template <class T>
struct TanhOfOutput {
    explicit TanhOfOutput(const kernels::ActivationProblem<T>&) {}
    vec<T> operator()(vec<T> g, vec<T> y) const { return g * ((constant<T>(1) - y) * (constant<T>(1) + y)); }
};

/// Both forms: f'(x) + f'(-x) = 1, and f'(-|x|) is a table. Its root at about -0.75 is the center of a piece, because
/// erf and tanh in closed form cancel there.
template <class T>
struct Gelu {
    using Pieces = kernels::PiecewisePolynomial<T>;

    explicit Gelu(const kernels::ActivationProblem<T>& problem) : pieces(problem.pieces) {}

    vec<T> operator()(vec<T> g, vec<T> x) const {
        const vec<T> t = minus_absolute(x), lowest = constant<T>(-pieces->limit);
        const vec<T> piece = (vec<T>::broadcast(pieces->offset) - t) * vec<T>::broadcast(pieces->scale);
        const auto k = index_vec<T>::truncate(min(piece, constant<T>(Pieces::pieces - 1)));
        const vec<T> r = t - lookup(pieces->center, k);
        vec<T> value = lookup(pieces->coefficient[Pieces::degree], k);
#pragma GCC unroll 32
        for (int j = Pieces::degree - 1; j >= 0; --j) value = fma(value, r, lookup(pieces->coefficient[j], k));
        return g * mirror(x, select(less(t, lowest), vec<T>::zero(), value));
    }

    const Pieces* pieces;
};

/// f'(t) = e^t (1 + t + e^t) / (1 + e^t)^2 for t = -|x|; f'(x) = 1 - f'(-x). The sum has a root at about -1.28, where
/// e^t = 1/4 (1 + fraction): 1 + t + 1/4 is exact there, so that the sum is off by no more than the fraction is.
template <class T>
struct Silu {
    explicit Silu(const kernels::ActivationProblem<T>&) {}

    vec<T> operator()(vec<T> g, vec<T> x) const {
        const vec<T> t = minus_absolute(x);
        const SplitExponential<T> e = split_exponential(t);
        const vec<T> sum = fma(e.power, e.fraction, (constant<T>(1) + t) + e.power);
        const vec<T> value = e.value * sum / square_of_sum(e.value);
        return g * mirror(x, select(below_exponential(t), vec<T>::zero(), value));
    }
};

template <class T>
struct Elu {
    explicit Elu(const kernels::ActivationProblem<T>& problem) : alpha(vec<T>::broadcast(problem.alpha)) {}
    vec<T> operator()(vec<T> g, vec<T> x) const {
        const vec<T> slope = alpha * exponential(minus_absolute(x));
        return g * select(less(vec<T>::zero(), x), constant<T>(1), slope);
    }
    vec<T> alpha;
};

template <class T>
struct EluOfOutput {
    explicit EluOfOutput(const kernels::ActivationProblem<T>& problem) : alpha(vec<T>::broadcast(problem.alpha)) {}
    vec<T> operator()(vec<T> g, vec<T> y) const {
        return g * select(less(vec<T>::zero(), y), constant<T>(1), y + alpha);
    }
    vec<T> alpha;
};

template <class T>
struct Softplus {
    explicit Softplus(const kernels::ActivationProblem<T>&) {}
    vec<T> operator()(vec<T> g, vec<T> x) const {
        const vec<T> e = exponential(minus_absolute(x)), one = constant<T>(1);
        return g * (select(less(vec<T>::zero(), x), one, e) / (one + e));
    }
};

/// f' = 1 - e^-y, y >= 0.
template <class T>
struct SoftplusOfOutput {
    explicit SoftplusOfOutput(const kernels::ActivationProblem<T>&) {}
    vec<T> operator()(vec<T> g, vec<T> y) const { return g * one_minus_exponential(minus_absolute(y)); }
};

/// x / 3 + 1/2 between -3 and 3, as (x + 3/2) / 3: exact near its root.
template <class T>
struct Hardswish {
    explicit Hardswish(const kernels::ActivationProblem<T>&) {}
    vec<T> operator()(vec<T> g, vec<T> x) const {
        const vec<T> between = (x + constant<T>(1.5)) * constant<T>(1.0 / 3);
        const vec<T> low = select(less_equal(x, constant<T>(-3)), vec<T>::zero(), between);
        return g * select(less_equal(constant<T>(3), x), constant<T>(1), low);
    }
};

}  // namespace
}  // namespace backgrad::BACKGRAD_ISA
