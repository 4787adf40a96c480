#include "fod.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace fod::app {

namespace fs = std::filesystem;

namespace {

bool starts_as_hdf5(std::string const& path) {
  std::array<char, 8> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  return std::string_view(start.data(), start.size()) == "\x89HDF\r\n\x1a\n";
}

} // namespace

store::ResultReader open_result(std::string const& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    auto const partial = store::partial_path(path);
    bool const unfinished = fs::exists(partial, ignored);
    throw bad_input(
        path + " does not exist", unfinished ? partial + " does: its job has not finished" : "",
        unfinished ? "let the job finish, or run it again with --resume" : "check the path");
  }
  if (!starts_as_hdf5(path)) {
    throw bad_input(path + " is no result file", "it is not readable, or no HDF5 file",
                    "give a file written by fod-generate, or make one with `fod import`");
  }
  return store::ResultReader(path);
}

void print(std::string const& text) {
  bool const taken = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!taken || std::fflush(stdout) != 0) {
    throw run_failure("cannot write to standard output", errno_text());
  }
}

} // namespace fod::app
