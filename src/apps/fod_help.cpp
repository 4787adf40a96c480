#include "fod_help.hpp"

#include "fod_terminal.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>

namespace fod::app {

namespace {

constexpr std::size_t widest = 100;
constexpr std::size_t column = 30; // where descriptions begin

std::size_t line_width() {
  auto const width = terminal().width;
  return width == 0 ? widest : std::clamp<std::size_t>(width, column + 30, widest);
}

class HelpFormatter : public CLI::Formatter {
public:
  std::string make_option_desc(CLI::Option const* option) const override {
    return wrapped(option->get_description(), line_width() - column);
  }
  std::string make_description(CLI::App const* app) const override {
    return wrapped(app->get_description(), line_width()) + "\n\n";
  }
  /// The kind of value and the default; what else there is to say is in the description.
  std::string make_option_opts(CLI::Option const* option) const override {
    if (option->get_type_size() == 0) {
      return {};
    }
    auto const type = option->get_type_name();
    auto const start = option->get_default_str();
    bool const many = option->get_expected_max() == CLI::detail::expected_max_vector_size;
    return " " + type.substr(0, type.find(':')) + (start.empty() ? "" : "=" + start) +
           (many ? " ..." : "") + (option->get_required() ? " (required)" : "");
  }
  /// The library parts groups by two empty lines.
  std::string make_help(CLI::App const* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    auto text = CLI::Formatter::make_help(app, std::move(name), mode);
    for (std::size_t at = 0; (at = text.find("\n\n\n", at)) != std::string::npos;) {
      text.erase(at, 1);
    }
    return text;
  }
  /// In the list of commands: the first sentence.
  std::string make_subcommand(CLI::App const* command) const override {
    auto const text = command->get_description();
    std::ostringstream out;
    CLI::detail::format_help(out, command->get_name(),
                             wrapped(text.substr(0, text.find(". ")), line_width() - column),
                             column);
    return out.str();
  }
};

} // namespace

std::shared_ptr<CLI::FormatterBase> help_formatter() {
  auto formatter = std::make_shared<HelpFormatter>();
  formatter->column_width(column);
  return formatter;
}

void finish_help(CLI::App& command, std::string const& example) {
  constexpr std::array<std::string_view, 5> output{"--json", "--table", "--overwrite", "--out",
                                                   "--progress"};
  for (auto* option : command.get_options([](CLI::Option const* one) {
         return one->nonpositional() && one->get_group() == "Options";
       })) {
    auto const name = option->get_name(false, false);
    if (std::find(output.begin(), output.end(), name) != output.end()) {
      option->group("Output");
    }
  }
  command.footer("Example:\n  " + example);
}

} // namespace fod::app
