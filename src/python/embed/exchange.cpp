#include "exchange.hpp"

#include "fod/error.hpp"

#include <ATen/dlpack.h>

#include <array>

namespace fod::python {

namespace {

constexpr char const* fresh_name = "dltensor"; // by convention; a capsule is renamed once taken
constexpr char const* used_name = "used_dltensor";

struct TypePair {
  ElementType ours;
  DLDataTypeCode code;
  std::uint8_t bits;
};
constexpr std::array<TypePair, 13> type_pairs{{
    {ElementType::boolean, kDLBool, 8},
    {ElementType::int8, kDLInt, 8},
    {ElementType::int16, kDLInt, 16},
    {ElementType::int32, kDLInt, 32},
    {ElementType::int64, kDLInt, 64},
    {ElementType::uint8, kDLUInt, 8},
    {ElementType::uint16, kDLUInt, 16},
    {ElementType::uint32, kDLUInt, 32},
    {ElementType::uint64, kDLUInt, 64},
    {ElementType::float16, kDLFloat, 16},
    {ElementType::bfloat16, kDLBfloat, 16},
    {ElementType::float32, kDLFloat, 32},
    {ElementType::float64, kDLFloat, 64},
}};

DLDataType type_of(ElementType type) {
  auto const& pair = type_pairs[static_cast<std::size_t>(type)];
  return {static_cast<std::uint8_t>(pair.code), pair.bits, 1};
}

ElementType type_of(DLDataType type) {
  for (auto const& pair : type_pairs) {
    if (pair.code == type.code && pair.bits == type.bits && type.lanes == 1) {
      return pair.ours;
    }
  }
  throw bad_input("the model returns elements of an unknown type",
                  "DLPack's code " + std::to_string(type.code) + " with " +
                      std::to_string(type.bits) + " bits",
                  "convert them to float32 in the model");
}

/// What a capsule of ours points to.
struct Lent {
  Array array;
  DLManagedTensor managed{};
};

void return_lent(DLManagedTensor* managed) {
  delete static_cast<Lent*>(managed->manager_ctx);
}

/// Of a capsule that nobody took.
void drop(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, fresh_name) != 0) {
    auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, fresh_name));
    managed->deleter(managed);
  }
}

} // namespace

py::capsule to_capsule(Array array) {
  auto lent = std::make_unique<Lent>();
  lent->array = std::move(array);
  auto& view = lent->array.view;
  auto& tensor = lent->managed.dl_tensor;
  tensor.data = view.data;
  tensor.device = {view.gpu < 0 ? kDLCPU : kDLCUDA, view.gpu < 0 ? 0 : view.gpu};
  tensor.ndim = static_cast<std::int32_t>(view.shape.size());
  tensor.dtype = type_of(view.type);
  tensor.shape = view.shape.data();
  lent->managed.manager_ctx = lent.get();
  lent->managed.deleter = return_lent;
  auto* capsule = PyCapsule_New(&lent->managed, fresh_name, drop);
  if (capsule == nullptr) {
    throw py::error_already_set();
  }
  [[maybe_unused]] auto const* const in_capsule = lent.release();
  return py::reinterpret_steal<py::capsule>(capsule);
}

Array from_capsule(py::capsule const& capsule) {
  auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), fresh_name));
  if (managed == nullptr) {
    throw py::error_already_set();
  }
  PyCapsule_SetName(capsule.ptr(), used_name);
  Array array;
  // Torch may have to drop a Python object with it.
  array.owner = std::shared_ptr<void const>(managed, [managed](void const*) {
    py::gil_scoped_acquire const gil;
    if (managed->deleter != nullptr) {
      managed->deleter(managed);
    }
  });
  auto const& tensor = managed->dl_tensor;
  array.view.data = static_cast<std::byte*>(tensor.data) + tensor.byte_offset;
  array.view.type = type_of(tensor.dtype);
  array.view.shape.assign(tensor.shape, tensor.shape + tensor.ndim);
  array.view.gpu = tensor.device.device_type == kDLCUDA ? tensor.device.device_id : -1;
  return array;
}

} // namespace fod::python
