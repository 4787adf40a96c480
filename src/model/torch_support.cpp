#include "torch_support.hpp"

#include "fod/error.hpp"

#include <torch/version.h>

#include <algorithm>
#include <array>
#include <utility>

namespace fod {

std::string framework_version() {
  return TORCH_VERSION;
}

namespace torch_support {

namespace {

constexpr std::array<std::pair<ElementType, torch::ScalarType>, 13> type_pairs{{
    {ElementType::boolean, torch::kBool},
    {ElementType::int8, torch::kInt8},
    {ElementType::int16, torch::kInt16},
    {ElementType::int32, torch::kInt32},
    {ElementType::int64, torch::kInt64},
    {ElementType::uint8, torch::kUInt8},
    {ElementType::uint16, torch::kUInt16},
    {ElementType::uint32, torch::kUInt32},
    {ElementType::uint64, torch::kUInt64},
    {ElementType::float16, torch::kFloat16},
    {ElementType::bfloat16, torch::kBFloat16},
    {ElementType::float32, torch::kFloat32},
    {ElementType::float64, torch::kFloat64},
}};

} // namespace

torch::ScalarType scalar_type(ElementType type) {
  return type_pairs[static_cast<std::size_t>(type)].second;
}

std::optional<ElementType> counterpart(torch::ScalarType type) {
  for (auto const& [ours, theirs] : type_pairs) {
    if (theirs == type) {
      return ours;
    }
  }
  return std::nullopt;
}

ElementType element_type_of(torch::ScalarType type) {
  if (auto const ours = counterpart(type)) {
    return *ours;
  }
  throw bad_input("the model returns elements of type " + std::string(c10::toString(type)),
                  "class scores are floating point numbers", "convert them in the model");
}

torch::Device torch_device(Device const& device) {
  return device.is_cuda ? torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(device.index))
                        : torch::Device(torch::kCPU);
}

std::string reason(std::exception const& error) {
  auto const* torch_error = dynamic_cast<c10::Error const*>(&error);
  std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  // TorchScript puts its frames first; what happened follows the last "Error: ".
  for (auto const* marker : {"RuntimeError: ", "Error: "}) {
    if (auto const at = text.rfind(marker); at != std::string::npos) {
      text = text.substr(at + std::string(marker).size());
      break;
    }
  }
  text = text.substr(0, text.find("\nException raised from"));
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) {
    text.pop_back();
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void make_deterministic(int threads, bool tf32) {
  at::set_num_threads(threads);
  auto& context = at::globalContext();
  context.setBenchmarkCuDNN(false);
  context.setDeterministicCuDNN(true);
  // Convolutions begin with TF32 on a GPU, which loses thirteen bits.
  context.setAllowTF32CuDNN(tf32);
  context.setAllowTF32CuBLAS(tf32);
  context.setFloat32MatmulPrecision(tf32 ? "high" : "highest");
}

} // namespace torch_support
} // namespace fod
