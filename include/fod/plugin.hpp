#pragma once

#include "fod/records.hpp"
#include "fod/transform.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>

/// Shared libraries of the user's as model or transform, `plugin:libx.so[?options]`, by the C
/// interface of `fod/plugin_abi.h`.
namespace fod::plugin {

/// A model in a plugin.
class Model {
public:
  virtual ~Model() = default;
  [[nodiscard]] virtual Arity arity() const = 0;
  /// What it calculates in: inputs are offered as that type first.
  [[nodiscard]] virtual ElementType floating_type() const = 0;
  /// One forward; inputs and output are where the plugin was told to run.
  /// @param stream CUDA stream on which inputs are ready and the output is awaited; null on the CPU
  /// @throws Error (failed) with the plugin's text; (usage) if what it returned is no array there
  virtual Array call(std::span<ArrayView const> inputs, void* stream) = 0;
  /// Name and version that the plugin gives itself.
  [[nodiscard]] virtual std::string description() const = 0;
};

/// True for "plugin:…".
bool is_plugin(std::string_view spec);
/// Path of the library in a spec, for those who hash it.
/// @throws Error (usage) if there is none
std::string library_path(std::string const& spec);

/// @param gpu index of the CUDA device it shall run on; -1: the CPU
/// @throws Error (usage) if the library is missing, is none, has another version of the interface,
///         or refuses the options
std::unique_ptr<Model> open_model(std::string const& spec, int gpu, int threads);
std::unique_ptr<HostTransform> open_transform(std::string const& spec);

} // namespace fod::plugin
