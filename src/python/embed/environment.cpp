#include "environment.hpp"

#include "fod/error.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <patchlevel.h>
#include <system_error>

namespace fod::python {

namespace {

namespace fs = std::filesystem;

std::string variable(char const* name) {
  auto const* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// "3.11" of "3.11.2" or "python3.11"; empty if there is no such number.
std::string minor_version(std::string const& text) {
  auto const begin = text.find_first_of("0123456789");
  if (begin == std::string::npos) {
    return {};
  }
  auto const dot = text.find('.', begin);
  if (dot == std::string::npos) {
    return {};
  }
  return text.substr(begin, text.find_first_not_of("0123456789", dot + 1) - begin);
}

/// What pyvenv.cfg says of a virtual environment.
std::string version_of_environment(fs::path const& executable) {
  std::ifstream file(executable.parent_path().parent_path() / "pyvenv.cfg");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("version", 0) == 0) {
      return minor_version(line);
    }
  }
  return {};
}

/// Version of an interpreter, without running it; empty if it does not show.
std::string version_of(fs::path const& executable) {
  if (auto const version = version_of_environment(executable); !version.empty()) {
    return version;
  }
  std::error_code ignored;
  return minor_version(fs::canonical(executable, ignored).filename().string());
}

struct Choice {
  std::string path;
  std::string by; ///< what named it, for messages
};

Choice choose() {
  if (auto const named = variable("FOD_PYTHON_EXECUTABLE"); !named.empty()) {
    return {named, "FOD_PYTHON_EXECUTABLE names it"};
  }
  if (auto const active = variable("VIRTUAL_ENV"); !active.empty()) {
    return {active + "/bin/python", "VIRTUAL_ENV names its environment"};
  }
  return {FOD_PYTHON_EXECUTABLE, "fod was built with it"};
}

void set_default(char const* name, std::string const& value) {
  setenv(name, value.c_str(), 0);
}

} // namespace

std::string find_interpreter() {
  auto const choice = choose();
  constexpr char const* remedy =
      "activate the environment that fod was built with, or set FOD_PYTHON_EXECUTABLE to its "
      "bin/python";
  std::error_code ignored;
  if (!fs::exists(choice.path, ignored)) {
    throw bad_input("there is no Python interpreter " + choice.path, choice.by, remedy);
  }
  auto const linked = minor_version(PY_VERSION);
  auto const found = version_of(choice.path);
  if (!found.empty() && found != linked) {
    throw bad_input("the Python interpreter " + choice.path + " has version " + found,
                    choice.by + "; fod is linked with Python " + linked, remedy);
  }
  return choice.path;
}

void set_environment(Requirements const& requirements) {
  auto const threads = std::to_string(requirements.threads);
  // Read by the thread pools of OpenMP, OpenBLAS, TensorFlow and XLA (NPROC).
  for (auto const* name :
       {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC"}) {
    set_default(name, threads);
  }
  set_default("TF_NUM_INTEROP_THREADS", "1");
  set_default("TF_CPP_MIN_LOG_LEVEL", "2");
  // Else JAX and TensorFlow would take the GPU memory that Torch needs.
  set_default("XLA_PYTHON_CLIENT_PREALLOCATE", "false");
  set_default("TF_FORCE_GPU_ALLOW_GROWTH", "true");
  if (requirements.device == "tpu") {
    setenv("JAX_PLATFORMS", "tpu", 1);
  } else if (requirements.device == "cpu") {
    set_default("JAX_PLATFORMS", "cpu");
  } else {
    set_default("JAX_CUDA_VISIBLE_DEVICES",
                requirements.device.substr(requirements.device.find(':') + 1));
  }
}

} // namespace fod::python
