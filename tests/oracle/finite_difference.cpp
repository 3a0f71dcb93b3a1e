#include "oracle/finite_difference.hpp"

namespace backgrad::oracle {

std::vector<double> finite_difference(const std::function<double(const std::vector<double>&)>& function,
                                      std::vector<double> x, double step) {
    std::vector<double> gradient(x.size());
    for (std::size_t k = 0; k < x.size(); ++k) {
        const double middle = x[k];
        x[k] = middle + step;
        const double above = function(x);
        x[k] = middle - step;
        const double below = function(x);
        x[k] = middle;
        gradient[k] = (above - below) / (2 * step);
    }
    return gradient;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
    return sum;
}

}  // namespace backgrad::oracle
