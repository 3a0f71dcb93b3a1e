#pragma once

#include <cstdint>

namespace backgrad::bench {

/// The two loops of the roofline for one ISA and element type.
template <class T>
struct RooflineLoops {
    /// Runs `rounds` rounds of independent multiply-adds, starting from `seed`; returns the operations done, two per
    /// multiply-add. `sink` receives a value that depends on all of them.
    double (*multiply_add)(std::int64_t rounds, T seed, T* sink);

    /// a[k] = b[k] + factor * c[k] for k in [begin, end), with streaming stores. The pointers are 64-byte aligned,
    /// begin and end multiples of 64.
    void (*triad)(T* a, const T* b, const T* c, T factor, std::int64_t begin, std::int64_t end);
};

struct RooflineTable {
    RooflineLoops<float> f32;
    RooflineLoops<double> f64;
};

namespace scalar {
extern const RooflineTable roofline_table;
}
namespace avx2 {
extern const RooflineTable roofline_table;
}
namespace avx512 {
extern const RooflineTable roofline_table;
}

}  // namespace backgrad::bench
