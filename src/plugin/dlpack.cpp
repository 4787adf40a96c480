#include "dlpack.hpp"

#include "fod/error.hpp"

#include <algorithm>

namespace fod::plugin {

namespace {

constexpr char const* remedy = "mend the plugin: fod/plugin_abi.h says what is expected";

std::string place_name(int device_type, int index) {
  if (device_type == kDLCPU) {
    return "the CPU";
  }
  auto const number = " " + std::to_string(index);
  return device_type == kDLCUDA ? "GPU" + number
                                : "device" + number + " of type " + std::to_string(device_type);
}

/// True if the elements follow one another, row after row. Steps along extents of 1 do not matter.
bool is_dense(DLTensor const& tensor) {
  if (tensor.strides == nullptr) {
    return true;
  }
  std::int64_t step = 1;
  for (auto i = tensor.ndim; i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != step) {
      return false;
    }
    step *= tensor.shape[i];
  }
  return true;
}

void require_place(DLTensor const& tensor, int gpu, std::string const& what) {
  auto const type = gpu < 0 ? kDLCPU : kDLCUDA;
  if (tensor.device.device_type != type || (gpu >= 0 && tensor.device.device_id != gpu)) {
    throw bad_input(what + " is on " +
                        place_name(tensor.device.device_type, tensor.device.device_id),
                    "the job runs on " + place_name(type, gpu), remedy);
  }
}

} // namespace

DLDataType dlpack_type(ElementType type) {
  auto const bits = static_cast<std::uint8_t>(8 * size_of(type));
  auto const with = [&](DLDataTypeCode code) {
    return DLDataType{static_cast<std::uint8_t>(code), bits, 1};
  };
  if (type == ElementType::boolean) {
    return with(kDLBool);
  }
  if (type == ElementType::bfloat16) {
    return with(kDLBfloat);
  }
  if (is_floating(type)) {
    return with(kDLFloat);
  }
  return with(name_of(type).starts_with("u") ? kDLUInt : kDLInt);
}

ElementType element_type_of(DLDataType type, std::string const& what) {
  for (auto candidate = ElementType::boolean; candidate <= ElementType::float64;
       candidate = static_cast<ElementType>(static_cast<int>(candidate) + 1)) {
    auto const known = dlpack_type(candidate);
    if (known.code == type.code && known.bits == type.bits && known.lanes == type.lanes) {
      return candidate;
    }
  }
  throw bad_input(what + " has elements of an unknown type",
                  "DLPack code " + std::to_string(type.code) + ", " + std::to_string(type.bits) +
                      " bits, " + std::to_string(type.lanes) + " lanes",
                  remedy);
}

TensorView::TensorView(ArrayView const& array) : shape_(array.shape) {
  tensor_.data = array.data;
  tensor_.device = array.gpu < 0 ? DLDevice{kDLCPU, 0} : DLDevice{kDLCUDA, array.gpu};
  tensor_.ndim = static_cast<std::int32_t>(shape_.size());
  tensor_.dtype = dlpack_type(array.type);
  tensor_.shape = shape_.data();
}

ArrayView view_of(DLTensor const& tensor, int gpu, std::string const& what) {
  if (tensor.ndim < 0 || (tensor.ndim > 0 && tensor.shape == nullptr)) {
    throw bad_input(what + " has no shape", "", remedy);
  }
  require_place(tensor, gpu, what);
  ArrayView view;
  view.type = element_type_of(tensor.dtype, what);
  view.shape.assign(tensor.shape, tensor.shape + tensor.ndim);
  view.gpu = gpu;
  if (element_count(view.shape) > 0 && tensor.data == nullptr) {
    throw bad_input(what + " has no data", "its pointer is null", remedy);
  }
  if (!is_dense(tensor)) {
    Shape const strides(tensor.strides, tensor.strides + tensor.ndim);
    throw bad_input(what + " of shape " + to_string(view.shape) + " has gaps or another order",
                    "its strides are " + to_string(strides),
                    "return it row after row, or mend its strides");
  }
  view.data = static_cast<std::byte*>(tensor.data) + tensor.byte_offset;
  if (reinterpret_cast<std::uintptr_t>(view.data) % size_of(view.type) != 0) {
    throw bad_input(what + " begins between two elements",
                    "its byte_offset is " + std::to_string(tensor.byte_offset), remedy);
  }
  return view;
}

} // namespace fod::plugin
