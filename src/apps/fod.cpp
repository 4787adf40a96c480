#include "fod.hpp"
#include "fod_help.hpp"

#include "fod/version.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <span>

namespace fod::app {

namespace {

using Commands = std::vector<Command>;

std::vector<std::string> flags_of(CLI::App const& flags) {
  std::vector<std::string> names;
  for (auto const* option : flags.get_options()) {
    for (auto const& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

Error unknown(std::string const& what, std::vector<std::string> const& known,
              std::string const& help) {
  auto const name = what.substr(what.find(' ') + 1);
  auto const nearest = nearest_name(name, known);
  return bad_input("unknown " + what, nearest.empty() ? "" : "did you mean " + nearest + "?",
                   "`" + help + "` lists what there is");
}

/// How to ask for the help of the program or of a command.
std::string help_of(CLI::App const& flags) {
  return flags.get_parent() == nullptr ? "fod --help" : "fod " + flags.get_name() + " --help";
}

Command const& command_named(std::string const& name, Commands const& commands) {
  std::vector<std::string> names;
  for (auto const& command : commands) {
    names.push_back(command.flags->get_name());
    if (names.back() == name) {
      return command;
    }
  }
  throw unknown("command " + name, names, "fod --help");
}

/// CLI11 complains of what is missing before it complains of what is unknown: so this looks first.
void refuse_unknown_flags(CLI::App const& flags, std::span<char const* const> arguments) {
  bool is_value = false;
  for (std::string const argument : arguments) {
    if (argument == "--") {
      return;
    }
    auto const name = argument.substr(0, argument.find('='));
    bool const is_flag = !is_value && name.size() > 1 && name[0] == '-';
    is_value = false;
    if (is_flag) {
      auto const* option = flags.get_option_no_throw(name);
      if (option == nullptr) {
        throw unknown("flag " + name, flags_of(flags), help_of(flags));
      }
      is_value = option->get_expected_min() > 0 && name == argument;
    }
  }
}

std::string examples(Commands const& commands) {
  std::string text = "Examples:";
  for (auto const& command : commands) {
    text += "\n  " + command.example;
  }
  return text + "\n\nExit codes: 0 done; 1 `fod verify` found the file not valid; 2 anything else.";
}

ExitCode run(int argc, char const* const* argv) {
  CLI::App program("Works on result files of fod-generate", "fod");
  program.formatter(help_formatter()); // which commands take over
  program.set_version_flag("--version", "fod " + std::string(version()));
  program.require_subcommand(1);
  Commands const commands{add_info(program),    add_verify(program), add_export(program),
                          add_import(program),  add_merge(program),  add_ensemble(program),
                          add_metrics(program), add_select(program), add_groups(program),
                          add_compare(program)};
  program.footer(examples(commands));
  for (auto const& command : commands) {
    finish_help(*command.flags, command.example);
  }
  std::span const arguments(argv, static_cast<std::size_t>(argc));
  if (argc < 2) {
    throw bad_input("no command given", "", "`fod --help` lists the commands");
  }
  if (std::string_view(argv[1]) == "__complete") { // by tools/fod-completion.bash
    print(complete(program, arguments.subspan(2)));
    return ExitCode::done;
  }
  bool const named = argv[1][0] != '-';
  auto const& flags = named ? *command_named(argv[1], commands).flags : program;
  refuse_unknown_flags(flags, named ? arguments.subspan(2) : arguments.subspan(1, 1));
  try {
    program.parse(argc, argv);
  } catch (CLI::Success const& answer) { // --help and --version
    print(answer.get_name() == "CallForVersion" ? std::string(answer.what()) + "\n"
                                                : program.help());
    return ExitCode::done;
  } catch (CLI::ParseError const& error) {
    throw bad_input("bad usage", error.what(), "`" + help_of(flags) + "` explains it");
  }
  return command_named(program.get_subcommands().front()->get_name(), commands).run();
}

} // namespace

} // namespace fod::app

int main(int argc, char** argv) {
  ::setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0); // some file systems of clusters cannot lock
  // A closed pipe and a file size limit become errors of `write`, which are told and cleaned up.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  fod::app::tell_of_crashes();
  try {
    return static_cast<int>(fod::app::run(argc, argv));
  } catch (std::exception const& error) {
    std::fprintf(stderr, "fod: %s\n", error.what());
    // HDF5 1.10 crashes at exit where closing a file has failed before, on a full disk say.
    std::_Exit(static_cast<int>(fod::ExitCode::usage));
  }
}
