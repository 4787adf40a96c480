#include "loaded.hpp"

#include "fod/error.hpp"
#include "fod/python.hpp"

#include <string_view>

namespace fod {

namespace {

Error no_model(std::string const& spec, std::string const& why) {
  return bad_input("cannot load the model " + spec, why,
                   "export it as TorchScript: torch.jit.script(model).save(\"m.pt\"), or "
                   "tools/export_model.py");
}

} // namespace

bool is_model_file(std::string const& spec) {
  return !spec.starts_with("python:") && !spec.starts_with("plugin:");
}

std::string model_kind(std::string const& spec, std::string const& bytes) {
  if (python::is_python(spec)) {
    return "python";
  }
  if (bytes.starts_with("PK\x03\x04")) {
    // A zip's directory is at its end.
    if (bytes.rfind("PK\x05\x06") == std::string::npos) {
      throw bad_input("cannot load the model " + spec, "its end is missing: it is truncated",
                      "copy or export it again");
    }
    // A zip: TorchScript has code in it, torch.save only pickled tensors.
    if (bytes.find("constants.pkl") != std::string::npos) {
      return "torchscript";
    }
    if (bytes.find("data.pkl") != std::string::npos) {
      throw no_model(spec, "it is a pickled checkpoint of torch.save, which holds weights or "
                           "Python objects but no program");
    }
    throw no_model(spec, "it is a zip archive, but no TorchScript model");
  }
  if (bytes.starts_with("\x80")) {
    throw no_model(spec, "it is a Python pickle, which could run any code when loaded");
  }
  if (bytes.empty()) {
    throw no_model(spec, "the file is empty");
  }
  throw no_model(spec, "it does not begin as a model file does");
}

std::unique_ptr<Backend> load_backend(BackendOptions const& options) {
  auto const kind = model_kind(options.spec, options.bytes);
  return kind == "python" ? load_python(options) : load_torchscript(options);
}

} // namespace fod
