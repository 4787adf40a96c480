#include "archive.hpp"
#include "loaded.hpp"

#include "fod/error.hpp"
#include "fod/plugin.hpp"
#include "fod/python.hpp"

#include <algorithm>

namespace fod {

namespace {

Error no_model(std::string const& spec, std::string const& why) {
  return bad_input("cannot load the model " + spec, why,
                   "export it as TorchScript: torch.jit.script(model).save(\"m.pt\"), or "
                   "tools/export_model.py");
}

/// Weights and no program.
Error no_program(std::string const& spec, std::string const& why) {
  return bad_input("cannot load the model " + spec, why,
                   "load the weights into the module in Python and export that: "
                   "torch.jit.script(model).save(\"m.pt\"), or tools/export_model.py");
}

/// A file of safetensors: the length of its header, then that, a JSON object.
bool is_safetensors(std::string_view bytes) {
  constexpr std::size_t length_size = 8;
  if (bytes.size() <= length_size || bytes[length_size] != '{') {
    return false;
  }
  return bytes.substr(length_size - 3, 3) == std::string_view("\0\0\0", 3); // below 1 TB
}

/// What a zip is, by the names of its records.
std::string kind_of_archive(std::string const& spec, std::string const& bytes) {
  auto const records = read_archive(spec, bytes);
  auto const has = [&](std::string_view words) {
    return std::any_of(records.begin(), records.end(), [&](ArchiveRecord const& record) {
      return record.name.find(words) != std::string_view::npos;
    });
  };
  if (has("data/aotinductor/")) {
    return "aoti";
  }
  if (has("models/model.json") || has("serialized_exported_program.json")) {
    throw bad_input("cannot load the model " + spec,
                    "torch.export.save wrote it: a graph without compiled code",
                    "compile it: torch._inductor.aoti_compile_and_package(torch.export.load(\"" +
                        spec + "\"), package_path=\"compiled.pt2\"), or export it with " +
                        "tools/export_model.py --format aoti");
  }
  // TorchScript has code in it, torch.save only pickled tensors.
  if (has("constants.pkl")) {
    return "torchscript";
  }
  if (has("data.pkl")) {
    throw no_program(spec, "it is a pickled checkpoint of torch.save, which holds weights or "
                           "Python objects but no program");
  }
  throw no_model(spec, "it is a zip archive, but neither TorchScript nor AOTInductor");
}

} // namespace

bool is_model_file(std::string const& spec) {
  return !python::is_python(spec) && !plugin::is_plugin(spec);
}

std::string model_kind(std::string const& spec, std::string const& bytes) {
  if (plugin::is_plugin(spec)) {
    return "plugin";
  }
  if (python::is_python(spec)) {
    return "python";
  }
  if (bytes.starts_with("PK\x03\x04")) {
    return kind_of_archive(spec, bytes);
  }
  if (bytes.starts_with("\x80")) {
    throw no_program(spec, "it is a Python pickle, which could run any code when loaded");
  }
  if (is_safetensors(bytes)) {
    throw no_program(spec, "it is a safetensors file, which holds weights but no program");
  }
  if (bytes.empty()) {
    throw no_model(spec, "the file is empty");
  }
  throw no_model(spec, "it does not begin as a model file does");
}

std::unique_ptr<Backend> load_backend(BackendOptions const& options) {
  if (has_model(options.in_process)) {
    return load_callable(options);
  }
  auto const kind = model_kind(options.spec, options.bytes);
  if (!options.constants.empty() && kind != "torchscript") {
    throw bad_input("--input names a constant argument",
                    options.spec + " takes inputs alone; only TorchScript takes constants",
                    "leave it out, or bind it in the model (functools.partial in Python)");
  }
  if (kind == "plugin") {
    return load_plugin(options);
  }
  if (kind == "python") {
    return load_python(options);
  }
  return kind == "aoti" ? load_aoti(options) : load_torchscript(options);
}

} // namespace fod
