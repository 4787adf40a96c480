#include "aoti_package.hpp"
#include "backend.hpp"
#include "call_spec.hpp"

#include "fod/error.hpp"

#include <torch/csrc/inductor/aoti_runner/model_container_runner.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <dlfcn.h>
#include <iostream>
#include <sstream>
#include <string_view>

namespace fod {

namespace {

using Runner = torch::inductor::AOTIModelContainerRunner;

/// While it lives, what is written to std::cerr goes there: compiled models print what went wrong,
/// and throw only that something did. No other thread writes to std::cerr.
class CapturedErrors {
public:
  explicit CapturedErrors(std::ostringstream& text) : before_(std::cerr.rdbuf(text.rdbuf())) {}
  CapturedErrors(CapturedErrors const&) = delete;
  CapturedErrors& operator=(CapturedErrors const&) = delete;
  ~CapturedErrors() { std::cerr.rdbuf(before_); }

private:
  std::streambuf* before_;
};

/// Calls it; what it throws has the text that it printed.
template <class Function>
auto with_printed_reason(Function const& function) {
  std::ostringstream printed;
  auto result = [&] {
    CapturedErrors const captured(printed);
    try {
      return function();
    } catch (std::exception const& error) {
      if (printed.str().empty()) {
        throw;
      }
      throw std::runtime_error(printed.str());
    }
  }();
  std::cerr << printed.str(); // what it says although all went well
  return result;
}

/// Compiled models name libtorch.so, which is all of LibTorch, and not where it is. What comes of
/// its absence is the model's error.
void load_all_of_torch() {
  dlopen("libtorch.so", RTLD_NOW | RTLD_GLOBAL);
}

std::unique_ptr<Runner> make_runner(UnpackedPackage const& files, Device const& device) {
  load_all_of_torch();
  // The loader of torch would unpack into /tmp by itself, and leave it there after an error or a
  // signal.
  auto const create =
      torch::inductor::getAOTIModelRunnerRegistry().at(device.is_cuda ? "cuda" : "cpu");
  return with_printed_reason(
      [&] { return create(files.library(), 1, device.label(), files.folder(), false); });
}

/// "at least 16", the batches that a compiled model takes, if it complains about them; else empty.
std::string batches_taken(std::string const& complaint) {
  // Its words, and ours; what follows is "expected: 8" or "expected it to be >= 8".
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> phrases{{
      {"unmatched dim value at 0, ", ""},
      {"dim value is too small at 0, ", "at least "},
      {"dim value is too large at 0, ", "at most "},
  }};
  for (auto const& [theirs, ours] : phrases) {
    if (auto const at = complaint.find(theirs); at != std::string::npos) {
      constexpr auto const* digits = "0123456789";
      auto const begin = complaint.find_first_of(digits, at + theirs.size());
      auto const end = complaint.find_first_not_of(digits, begin);
      return begin == std::string::npos ? ""
                                        : std::string(ours) + complaint.substr(begin, end - begin);
    }
  }
  return {};
}

class Aoti : public Backend {
public:
  explicit Aoti(BackendOptions const& options)
      : package_(open_package(options.spec, options.bytes)) {
    require_device(package_, options.device);
    load(options);
  }

  c10::IValue call(std::vector<torch::Tensor> inputs) override;
  Arity arity() const override;
  ElementType floating_type() const override;
  Tensors tensors(bool buffers) const override;

  std::vector<Submodule> submodules() const override;
  void watch(std::vector<std::size_t> const& submodules, LayerCalled called) override;
  std::string enable_dropout() override { return "it was compiled, with dropout resolved"; }
  std::string set_precision(Precision /*precision*/) override {
    return "its precision was fixed when it was compiled";
  }
  std::string kind() const override { return "aoti"; }

private:
  void load(BackendOptions const& options);
  [[nodiscard]] std::vector<torch::Tensor> run(std::vector<torch::Tensor> const& inputs);
  void tell(c10::IValue const& outputs) const;

  AotiPackage package_;
  std::unique_ptr<UnpackedPackage> files_; ///< as long as GPU kernels may be read from there
  std::unique_ptr<Runner> runner_;
  CallSpec input_spec_;
  CallSpec output_spec_;
  std::vector<std::pair<std::size_t, std::size_t>> watched_; ///< index of an output, submodule
  LayerCalled called_;
};

void Aoti::load(BackendOptions const& options) {
  // Compiled models do not look at their inputs, and read beyond them, unless told to.
  setenv("AOTI_RUNTIME_CHECK_INPUTS", "1", 1);
  files_ = std::make_unique<UnpackedPackage>(package_);
  try {
    runner_ = make_runner(*files_, options.device);
    auto const spec = runner_->get_call_spec();
    input_spec_ = parse_call_spec(spec.at(0));
    output_spec_ = parse_call_spec(spec.at(1));
  } catch (std::exception const& error) {
    throw bad_input("cannot load the model " + options.spec, torch_support::reason(error),
                    "export it with this torch (" + framework_version() +
                        "), by tools/export_model.py --format aoti");
  }
  if (!runner_->getConstantNamesToDtypes().empty() &&
      runner_->extract_constants_map(/*use_inactive=*/false).empty()) {
    throw bad_input("cannot load the model " + options.spec, "its weights are not in the package",
                    "leave package_constants_in_so on, or use tools/export_model.py");
  }
  package_.files.clear(); // they refer to bytes that are kept no longer
  if (!options.device.is_cuda) {
    files_.reset();
  }
}

std::vector<torch::Tensor> Aoti::run(std::vector<torch::Tensor> const& inputs) {
  return with_printed_reason([&] { return runner_->run(inputs); });
}

c10::IValue Aoti::call(std::vector<torch::Tensor> inputs) {
  std::vector<torch::Tensor> outputs;
  try {
    outputs = run(inputs);
  } catch (std::exception const& error) {
    auto const taken = batches_taken(error.what());
    if (taken.empty()) {
      throw;
    }
    throw bad_input("the model " + package_.path + " does not take batches of " +
                        std::to_string(inputs.at(0).size(0)),
                    "it was compiled for batches of " + taken,
                    "pass --batch-size " + taken.substr(taken.rfind(' ') + 1) +
                        ", or export it for any size: tools/export_model.py --format aoti");
  }
  auto const output = assemble(output_spec_, outputs);
  // Layers that the export was asked for come after the model's own output.
  if (package_.names("fod_taps").empty() || !output.isTuple()) {
    return output;
  }
  auto const& parts = output.toTupleRef().elements();
  tell(parts.at(1));
  return parts.at(0);
}

/// "dropout" of "dropout#1", its second call.
std::string module_of(std::string const& tap) {
  return tap.substr(0, tap.find('#'));
}

std::vector<Submodule> Aoti::submodules() const {
  auto const taps = package_.names("fod_taps");
  auto const types = package_.names("fod_tap_types"); // older packages have none
  if (taps.empty()) {
    throw bad_input("the layers of the model " + package_.path + " cannot be seen",
                    "it was compiled without taps",
                    "export it with --layers: tools/export_model.py --format aoti --layers a,b");
  }
  std::vector<Submodule> all;
  for (std::size_t i = 0; i < taps.size(); ++i) {
    if (module_of(taps[i]) == taps[i]) {
      all.push_back({taps[i], {}, i < types.size() ? types[i] : "", {}});
    }
  }
  return all;
}

void Aoti::watch(std::vector<std::size_t> const& submodules, LayerCalled called) {
  watched_.clear();
  called_ = std::move(called);
  if (submodules.empty()) {
    return;
  }
  auto const taps = package_.names("fod_taps");
  auto const all = this->submodules();
  for (std::size_t i = 0; i < taps.size(); ++i) {
    for (auto const submodule : submodules) {
      if (all.at(submodule).name == module_of(taps[i])) {
        watched_.emplace_back(i, submodule);
      }
    }
  }
}

void Aoti::tell(c10::IValue const& outputs) const {
  for (auto const& [output, submodule] : watched_) {
    called_(submodule, {outputs.toTupleRef().elements().at(output).toTensor(), {}});
  }
}

Arity Aoti::arity() const {
  Arity arity;
  arity.least = static_cast<std::int64_t>(input_spec_.leaves());
  arity.most = arity.least;
  auto const names = package_.names("fod_inputs");
  for (auto const& name : names) {
    arity.names += (arity.names.empty() ? "" : ", ") + name;
  }
  return arity;
}

/// Type of the first floating point constant.
ElementType Aoti::floating_type() const {
  for (auto const& [name, tensor] : tensors(true)) {
    if (tensor.is_floating_point()) {
      return torch_support::element_type_of(tensor.scalar_type());
    }
  }
  return ElementType::float32;
}

/// Compiled models do not say which of their constants are buffers.
Backend::Tensors Aoti::tensors(bool /*buffers*/) const {
  Tensors all;
  for (auto const& [name, tensor] : runner_->extract_constants_map(/*use_inactive=*/false)) {
    all.emplace_back(name, tensor);
  }
  std::sort(all.begin(), all.end(),
            [](auto const& left, auto const& right) { return left.first < right.first; });
  return all;
}

} // namespace

std::unique_ptr<Backend> load_aoti(BackendOptions const& options) {
  return std::make_unique<Aoti>(options);
}

} // namespace fod
