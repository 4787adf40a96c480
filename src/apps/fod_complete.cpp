#include "fod_help.hpp"

#include "../config/flags.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <functional>
#include <sstream>

namespace fod::app {

namespace {

using Words = std::vector<std::string>;

bool is_word(std::string const& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_' || c == '-';
  });
}

/// The texts between separators.
Words parts_of(std::string const& text, char separator) {
  Words parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) {
    parts.push_back(part);
  }
  return parts;
}

/// Values that a flag is documented to take: "a|b|c" in its description, "{a,b,c}" in its type.
Words values_of(CLI::Option const& option) {
  std::istringstream words(option.get_description());
  for (std::string word; words >> word;) {
    word.erase(word.find_last_not_of(".,;)") + 1);
    auto parts = parts_of(word, '|');
    auto const first_bad = std::find_if_not(parts.begin(), parts.end(), is_word);
    // Some values are patterns ("cuda:K"), beside those that can be offered.
    if (parts.size() > 1 && is_word(parts[0]) &&
        std::all_of(first_bad, parts.end(), [](std::string const& part) {
          return is_word(part) || is_word(part.substr(0, part.find(':')));
        })) {
      std::erase_if(parts, [](std::string const& part) { return !is_word(part); });
      return parts;
    }
  }
  auto const type = option.get_type_name();
  auto const begin = type.find('{');
  auto const end = type.find('}', begin);
  return end == std::string::npos ? Words()
                                  : parts_of(type.substr(begin + 1, end - begin - 1), ',');
}

/// Endings that a description names: "Result file R.h5, or R.h5.partial" gives h5 and partial; of
/// one that names none but speaks of JSON that one.
Words endings_of(std::string const& description) {
  Words endings;
  for (std::size_t at = 0; (at = description.find('.', at)) != std::string::npos; ++at) {
    auto end = at + 1;
    while (end < description.size() &&
           std::isalnum(static_cast<unsigned char>(description[end])) != 0) {
      ++end;
    }
    auto const ending = description.substr(at + 1, end - at - 1);
    bool const after_name =
        at > 0 && std::isalnum(static_cast<unsigned char>(description[at - 1])) != 0;
    bool const is_ending =
        !ending.empty() && std::islower(static_cast<unsigned char>(ending[0])) != 0;
    if (is_ending &&
        (after_name || at == 0 ||
         std::isspace(static_cast<unsigned char>(description[at - 1])) != 0) &&
        std::find(endings.begin(), endings.end(), ending) == endings.end()) {
      endings.push_back(ending);
    }
  }
  bool const json = endings.empty() && description.find("JSON") != std::string::npos;
  return json ? Words{"json"} : endings;
}

bool is_number(CLI::Option const& option) {
  auto const type = option.get_type_name();
  return type.starts_with("INT") || type.starts_with("UINT") || type.starts_with("FLOAT");
}

/// What can follow where this option's value is expected.
Words for_value(CLI::Option const& option) {
  auto values = values_of(option);
  if (!values.empty() || is_number(option)) {
    return values;
  }
  std::string files = "@files";
  for (auto const& ending : endings_of(option.get_description())) {
    files += " " + ending;
  }
  return {files};
}

Words all_flags(CLI::App const& app) {
  Words names;
  for (auto const* option : app.get_options()) {
    for (auto const& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

/// The option whose value stands at the end of these words; null if a positional does.
CLI::Option const* awaiting(CLI::App const& app, Words const& before) {
  auto const& last = before.empty() ? std::string() : before.back();
  if (!last.starts_with("-") || last.find('=') != std::string::npos) {
    return nullptr;
  }
  auto const* option = app.get_option_no_throw(last);
  return option != nullptr && option->get_expected_min() > 0 ? option : nullptr;
}

/// The positional that stands after these words; the last one may take any number.
CLI::Option const* positional_after(CLI::App const& app, Words const& before) {
  std::size_t given = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    bool const is_value =
        awaiting(app, {before.begin(), before.begin() + static_cast<std::ptrdiff_t>(i)}) != nullptr;
    given += !is_value && !before[i].starts_with("-") ? 1 : 0;
  }
  auto const all = app.get_options([](CLI::Option const* one) { return one->get_positional(); });
  if (given < all.size()) {
    return all[given];
  }
  bool const more = !all.empty() && all.back()->get_expected_max() > 1;
  return more ? all.back() : nullptr;
}

Words candidates(CLI::App const& app, Words const& before, std::string const& current) {
  if (auto const* option = awaiting(app, before)) {
    return for_value(*option);
  }
  if (auto const equals = current.find('='); current.starts_with("--") && equals < current.size()) {
    auto const* option = app.get_option_no_throw(current.substr(0, equals));
    return option == nullptr ? Words() : for_value(*option);
  }
  if (current.starts_with("-")) {
    return all_flags(app);
  }
  auto const* positional = positional_after(app, before);
  return positional == nullptr ? all_flags(app) : for_value(*positional);
}

Words commands_of(CLI::App const& program) {
  Words names;
  for (auto const* command : program.get_subcommands({})) {
    names.push_back(command->get_name());
  }
  return names;
}

std::string lines_of(Words const& words, std::string const& start) {
  std::string text;
  for (auto const& word : words) {
    if (word.starts_with("@") || word.starts_with(start)) {
      text += word + "\n";
    }
  }
  return text;
}

} // namespace

std::string complete(CLI::App const& program, std::span<char const* const> arguments) {
  if (arguments.size() < 2) {
    return {};
  }
  std::string const name = arguments.front();
  std::string const current = arguments.back();
  Words before(arguments.begin() + 1, arguments.end() - 1);
  auto const equals = current.find('=');
  auto const start =
      current.starts_with("--") && equals < current.size() ? current.substr(equals + 1) : current;
  if (name == "fod-generate") {
    std::string text;
    with_job_flags(
        [&](CLI::App const& app) { text = lines_of(candidates(app, before, current), start); });
    return text;
  }
  if (before.empty()) {
    return lines_of(current.starts_with("-") ? all_flags(program) : commands_of(program), start);
  }
  for (auto const* command : program.get_subcommands({})) {
    if (command->get_name() == before.front()) {
      before.erase(before.begin());
      return lines_of(candidates(*command, before, current), start);
    }
  }
  return {};
}

} // namespace fod::app
