#include "interpreter.hpp"

#include "bridge_sources.hpp"
#include "environment.hpp"

#include "fod/error.hpp"

#include <cstdlib>

namespace fod::python {

namespace {

void check(PyStatus const& status) {
  if (PyStatus_Exception(status) != 0) {
    throw bad_input("the Python interpreter does not start",
                    status.err_msg == nullptr ? "" : status.err_msg,
                    "look at PYTHONHOME and PYTHONPATH, or set FOD_PYTHON_EXECUTABLE");
  }
}

/// As `python` itself starts, but signals stay ours.
void initialize(std::string const& executable) {
  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  config.install_signal_handlers = 0;
  config.parse_argv = 0;
  // Ranks that iterate over a set of strings must do it in one order.
  if (std::getenv("PYTHONHASHSEED") == nullptr) {
    config.use_hash_seed = 1;
    config.hash_seed = 0;
  }
  std::string program = "fod-generate";
  char* argument = program.data();
  try {
    // The site packages of a virtual environment are found by the program's name.
    check(PyConfig_SetBytesString(&config, &config.program_name, executable.c_str()));
    check(PyConfig_SetBytesString(&config, &config.executable, executable.c_str()));
    check(PyConfig_SetBytesArgv(&config, 1, &argument));
    check(Py_InitializeFromConfig(&config));
  } catch (...) {
    PyConfig_Clear(&config);
    throw;
  }
  PyConfig_Clear(&config);
}

/// Makes the bridge's modules importable, as `fod_bridge.errors` and so on.
void install_bridge() {
  py::dict finder;
  py::module_::import("builtins").attr("exec")(bridge_finder, finder);
  py::dict sources;
  for (auto const& source : bridge_sources()) {
    sources[source.name] = source.text;
  }
  finder["install"](sources);
}

void start_once(Requirements const& requirements) {
  static bool started = false;
  if (started) {
    return;
  }
  auto const executable = find_interpreter();
  set_environment(requirements);
  initialize(executable);
  started = true;
  // Never finalised: libraries such as Torch and JAX do not survive that. The GIL is let go.
  try {
    install_bridge();
    bridge("interpreter").attr("prepare")(requirements.torch_version, requirements.torch_library);
  } catch (py::error_already_set const& error) {
    rethrow(error);
  }
  static_cast<void>(PyEval_SaveThread());
}

} // namespace

py::module_ bridge(char const* name) {
  return py::module_::import((std::string("fod_bridge.") + name).c_str());
}

void rethrow(py::error_already_set const& error) {
  auto const refusal = bridge("errors").attr("Refusal");
  if (!error.matches(refusal)) {
    throw run_failure("embedded Python failed",
                      bridge("errors").attr("explain")(error.value()).cast<std::string>(),
                      "report this, it is a defect of fod");
  }
  auto const part = [&](char const* name) { return error.value().attr(name).cast<std::string>(); };
  throw Error(error.value().attr("usage").cast<bool>() ? ExitCode::usage : ExitCode::failed,
              {part("problem"), part("why"), part("remedy")});
}

void start(Requirements const& requirements, bool needs_torch) {
  start_once(requirements);
  if (needs_torch) {
    with_python([&] {
      bridge("interpreter")
          .attr("require_torch")(requirements.torch_version, requirements.torch_library);
    });
  }
}

} // namespace fod::python
