#include "variants/onednn_tensors.hpp"

namespace backgrad::bench {

void OnednnRunnable::run(std::size_t set) {
    for (const Step& step : steps_[set]) step.primitive.execute(stream_, step.arguments);
    stream_.wait();
}

void OnednnRunnable::publish() {
    for (const Step& step : publishing_) step.primitive.execute(stream_, step.arguments);
    stream_.wait();
}

void OnednnRunnable::add(std::size_t set, const dnnl::primitive& primitive, Arguments arguments) {
    steps_[set].push_back({primitive, std::move(arguments)});
}

void OnednnRunnable::run_now(const dnnl::primitive& primitive, const Arguments& arguments) {
    primitive.execute(stream_, arguments);
    stream_.wait();
}

dnnl::memory OnednnRunnable::input(const dnnl::memory::desc& plain, void* data, const dnnl::memory::desc& wanted) {
    dnnl::memory tensor(plain, engine_, data);
    if (plain == wanted) return tensor;
    dnnl::memory copy(wanted, engine_);
    run_now(dnnl::reorder(tensor, copy), {{DNNL_ARG_FROM, tensor}, {DNNL_ARG_TO, copy}});
    return copy;
}

dnnl::memory OnednnRunnable::output(std::size_t set, const dnnl::memory::desc& plain, void* data,
                                    const dnnl::memory::desc& wanted) {
    dnnl::memory tensor(plain, engine_, data);
    if (plain == wanted) return tensor;
    dnnl::memory copy(wanted, engine_);
    if (set == 0) publishing_.push_back({dnnl::reorder(copy, tensor), {{DNNL_ARG_FROM, copy}, {DNNL_ARG_TO, tensor}}});
    return copy;
}

}  // namespace backgrad::bench
