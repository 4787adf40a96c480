#pragma once

#include "fod/plugin_abi.h"
#include "fod/records.hpp"

/// Inside of the plugin module: between our arrays and DLPack's.
namespace fod::plugin {

DLDataType dlpack_type(ElementType type);

/// @throws Error (usage) for a type without a counterpart; `what` begins the message
ElementType element_type_of(DLDataType type, std::string const& what);

/// A tensor of somebody else's, without a copy.
class TensorView {
public:
  explicit TensorView(ArrayView const& array);
  [[nodiscard]] DLTensor const* get() const { return &tensor_; }

private:
  Shape shape_; ///< on the heap: moving the object leaves it where it is
  DLTensor tensor_{};
};

/// What a plugin returned as an array without a copy; it keeps no hold on the tensor's memory.
/// @param gpu index of the CUDA device where it has to be; -1: host memory
/// @throws Error (usage) for null, another device, gaps between the rows or a bad offset
ArrayView view_of(DLTensor const& tensor, int gpu, std::string const& what);

} // namespace fod::plugin
