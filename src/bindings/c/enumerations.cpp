// The enumerations of C and C++ have equal values, so that one is cast to the other.
#include <backgrad/backgrad.h>
#include <backgrad/activation.hpp>
#include <backgrad/block.hpp>
#include <backgrad/conv2d.hpp>
#include <backgrad/pool2d.hpp>
#include <backgrad/strategy.hpp>

namespace backgrad::c {
namespace {

template <class Enum, class CEnum>
constexpr bool same(Enum value, CEnum c_value) {
    return static_cast<int>(value) == static_cast<int>(c_value);
}

static_assert(same(Layout::nchw, BACKGRAD_LAYOUT_NCHW));
static_assert(same(Layout::nhwc, BACKGRAD_LAYOUT_NHWC));

static_assert(same(WeightLayout::automatic, BACKGRAD_WEIGHT_LAYOUT_AUTO));
static_assert(same(WeightLayout::oihw, BACKGRAD_WEIGHT_LAYOUT_OIHW));
static_assert(same(WeightLayout::ohwi, BACKGRAD_WEIGHT_LAYOUT_OHWI));

static_assert(same(WriteMode::overwrite, BACKGRAD_OVERWRITE));
static_assert(same(WriteMode::accumulate, BACKGRAD_ACCUMULATE));

static_assert(same(Backend::automatic, BACKGRAD_BACKEND_AUTO));
static_assert(same(Backend::serial, BACKGRAD_BACKEND_SERIAL));
static_assert(same(Backend::openmp, BACKGRAD_BACKEND_OPENMP));
static_assert(same(Backend::tbb, BACKGRAD_BACKEND_TBB));
static_assert(same(Backend::std_threads, BACKGRAD_BACKEND_STD));
static_assert(same(Backend::caller, BACKGRAD_BACKEND_CALLBACK));

static_assert(same(Partition::automatic, BACKGRAD_PARTITION_AUTO));
static_assert(same(Partition::batch, BACKGRAD_PARTITION_BATCH));
static_assert(same(Partition::channel, BACKGRAD_PARTITION_CHANNEL));
static_assert(same(Partition::batch_channel, BACKGRAD_PARTITION_BATCH_CHANNEL));
static_assert(same(Partition::spatial, BACKGRAD_PARTITION_SPATIAL));

static_assert(same(Schedule::automatic, BACKGRAD_SCHEDULE_AUTO));
static_assert(same(Schedule::static_, BACKGRAD_SCHEDULE_STATIC));
static_assert(same(Schedule::dynamic, BACKGRAD_SCHEDULE_DYNAMIC));
static_assert(same(Schedule::guided, BACKGRAD_SCHEDULE_GUIDED));
static_assert(same(Schedule::tbb_auto, BACKGRAD_SCHEDULE_TBB_AUTO));
static_assert(same(Schedule::tbb_affinity, BACKGRAD_SCHEDULE_TBB_AFFINITY));
static_assert(same(Schedule::tbb_simple, BACKGRAD_SCHEDULE_TBB_SIMPLE));

static_assert(same(Reduction::automatic, BACKGRAD_REDUCTION_AUTO));
static_assert(same(Reduction::owner, BACKGRAD_REDUCTION_OWNER));
static_assert(same(Reduction::partials, BACKGRAD_REDUCTION_PARTIALS));

static_assert(same(Isa::automatic, BACKGRAD_ISA_AUTO));
static_assert(same(Isa::scalar, BACKGRAD_ISA_SCALAR));
static_assert(same(Isa::avx2, BACKGRAD_ISA_AVX2));
static_assert(same(Isa::avx512, BACKGRAD_ISA_AVX512));

static_assert(same(InputGradient::adjoint, BACKGRAD_INPUT_GRADIENT_ADJOINT));
static_assert(same(InputGradient::rotated_kernel, BACKGRAD_INPUT_GRADIENT_ROTATED_KERNEL));

static_assert(same(Conv2dAlgorithm::direct, BACKGRAD_CONV2D_DIRECT));

static_assert(same(Conv2dOrder::together, BACKGRAD_CONV2D_TOGETHER));
static_assert(same(Conv2dOrder::weights_first, BACKGRAD_CONV2D_WEIGHTS_FIRST));

static_assert(same(MaxPoolSource::input, BACKGRAD_MAX_POOL_FROM_INPUT));
static_assert(same(MaxPoolSource::plane_indices, BACKGRAD_MAX_POOL_FROM_PLANE_INDICES));
static_assert(same(MaxPoolSource::window_offsets, BACKGRAD_MAX_POOL_FROM_WINDOW_OFFSETS));

static_assert(same(AveragePadding::exclude, BACKGRAD_AVERAGE_EXCLUDE_PADDING));
static_assert(same(AveragePadding::include, BACKGRAD_AVERAGE_INCLUDE_PADDING));

static_assert(same(GlobalAverageGradient::full, BACKGRAD_GLOBAL_AVERAGE_FULL));
static_assert(same(GlobalAverageGradient::local_derivative, BACKGRAD_GLOBAL_AVERAGE_LOCAL_DERIVATIVE));

static_assert(same(BlockPool::none, BACKGRAD_BLOCK_POOL_NONE));
static_assert(same(BlockPool::max, BACKGRAD_BLOCK_POOL_MAX));
static_assert(same(BlockPool::average, BACKGRAD_BLOCK_POOL_AVERAGE));

static_assert(same(Activation::linear, BACKGRAD_LINEAR));
static_assert(same(Activation::relu, BACKGRAD_RELU));
static_assert(same(Activation::leaky_relu, BACKGRAD_LEAKY_RELU));
static_assert(same(Activation::sigmoid, BACKGRAD_SIGMOID));
static_assert(same(Activation::tanh, BACKGRAD_TANH));
static_assert(same(Activation::gelu_erf, BACKGRAD_GELU_ERF));
static_assert(same(Activation::gelu_tanh, BACKGRAD_GELU_TANH));
static_assert(same(Activation::silu, BACKGRAD_SILU));
static_assert(same(Activation::elu, BACKGRAD_ELU));
static_assert(same(Activation::softplus, BACKGRAD_SOFTPLUS));
static_assert(same(Activation::hardswish, BACKGRAD_HARDSWISH));

static_assert(same(ActivationSource::input, BACKGRAD_ACTIVATION_FROM_INPUT));
static_assert(same(ActivationSource::output, BACKGRAD_ACTIVATION_FROM_OUTPUT));
static_assert(same(ActivationSource::mask, BACKGRAD_ACTIVATION_FROM_MASK));

}  // namespace
}  // namespace backgrad::c
