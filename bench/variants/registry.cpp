#include "capabilities.hpp"
#include "variants/backgrad_variant.hpp"
#include "variants/launch.hpp"
#include "variants/naive.hpp"
#include "variants/onednn.hpp"
#include "variants/separate.hpp"

namespace backgrad::bench {
namespace {

std::vector<Variant> built_variants() {
    std::vector<Variant> list;
    list.push_back({"naive", Pool::openmp, false, false, prepare_naive<float>, prepare_naive<double>});
    const auto add = [&](const char* name, Pool pool, Backend backend, bool has_schedules) {
        if (!backend_available(backend)) return;
        list.push_back({name, pool, true, has_schedules, prepare_backgrad<float>, prepare_backgrad<double>});
    };
    add("serial", Pool::openmp, Backend::serial, false);
    add("openmp", Pool::openmp, Backend::openmp, true);
    add("tbb", Pool::tbb, Backend::tbb, true);
    add("std", Pool::std_threads, Backend::std_threads, true);
    list.push_back({"callback", Pool::caller, true, false, prepare_backgrad<float>, prepare_backgrad<double>});
    if (backend_available(Backend::openmp)) {
        list.push_back({"separate", Pool::openmp, false, false, prepare_separate<float>, prepare_separate<double>,
                        /*only=*/Operation::block_backward});
        list.push_back({"bare", Pool::openmp, false, false, prepare_bare_region<float>, prepare_bare_region<double>,
                        /*only=*/Operation::launch});
    }
#ifdef BACKGRAD_BENCH_HAS_ONEDNN
    list.push_back(
        {"onednn_plain", Pool::openmp, false, false, prepare_onednn_plain<float>, prepare_onednn_plain<double>});
    list.push_back(
        {"onednn_blocked", Pool::openmp, false, false, prepare_onednn_blocked<float>, prepare_onednn_blocked<double>});
#endif
    return list;
}

}  // namespace

const std::vector<Variant>& variants() {
    static const std::vector<Variant> list = built_variants();
    return list;
}

const Variant& variant_named(const std::string& name) {
    for (const Variant& variant : variants()) {
        if (variant.name == name) return variant;
    }
    throw Unsupported("no variant is called '" + name + "'");
}

}  // namespace backgrad::bench
