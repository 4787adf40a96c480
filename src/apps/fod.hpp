#pragma once

#include "fod/error.hpp"
#include "fod/store.hpp"
#include "fod/text.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

/// Inside of the program `fod`: its commands, one file each.
namespace fod::app {

/// A command: where its flags are, and what it does once they are read.
struct Command {
  CLI::App* flags = nullptr;
  std::string example;
  std::function<ExitCode()> run;
};

Command add_info(CLI::App& program);
Command add_verify(CLI::App& program);
Command add_export(CLI::App& program);
Command add_import(CLI::App& program);
Command add_groups(CLI::App& program);
Command add_compare(CLI::App& program);
Command add_merge(CLI::App& program);
Command add_metrics(CLI::App& program);
Command add_ensemble(CLI::App& program);
Command add_select(CLI::App& program);

using store::open_result;

/// Writes to standard output. @throws Error (failed) if that does not take it
void print(std::string const& text);

/// Adds `--threads` of converters; 0 stays for all cores.
void add_threads(CLI::App& flags, int& threads);
/// The number that is meant: what was given, else the cores that this process may use.
int threads_or_cores(int given);

/// From now on a crash is an error with a message (exit code 2): HDF5 may crash on a damaged file.
void tell_of_crashes();

} // namespace fod::app
