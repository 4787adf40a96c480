#pragma once

#include <memory>
#include <span>
#include <string>

namespace CLI {
class App;
class FormatterBase;
} // namespace CLI

/// How `fod --help` looks, and what completion of the shell is told: both from the flags' own
/// definitions.
namespace fod::app {

/// Lines that fit the terminal, 100 columns at most.
std::shared_ptr<CLI::FormatterBase> help_formatter();

/// Puts flags that most commands have into groups of their own, and the example below.
void finish_help(CLI::App& command, std::string const& example);

/// Answers the completion script: `arguments` are the program ("fod" or "fod-generate"), the words
/// before the one to be completed, and that one, perhaps empty. A candidate per line; or first a
/// line "@files" with the endings of the files that are asked for, none for any.
std::string complete(CLI::App const& program, std::span<char const* const> arguments);

} // namespace fod::app
