#include "fod/rules_file.hpp"

#include "fod/error.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <unordered_set>

namespace fod::json {

namespace {

using Json = nlohmann::ordered_json;

constexpr char const* form =
    R"(write {"categories": {"mathematical": ["sum", "prime number"]}, "otherwise": "general"}; )"
    "`fod groups --print-rules` prints a whole one";

Error wrong(std::string const& what) {
  return bad_input("cannot use these rules", what, form);
}

std::vector<std::string> keywords_of(std::string const& category, Json const& list) {
  if (!list.is_array()) {
    throw wrong("'" + category + "' is no list of keywords");
  }
  std::vector<std::string> keywords;
  for (auto const& keyword : list) {
    if (!keyword.is_string()) {
      auto const said = keyword.is_structured() ? std::string("that is a list or an object")
                                                : keyword.dump() + ", which is no string";
      throw wrong("'" + category + "' has the keyword " + said);
    }
    keywords.push_back(keyword.get<std::string>());
  }
  return keywords;
}

/// Objects whose keys are given twice lose one in the library, so its callback looks.
class NoTwins {
public:
  bool operator()(int depth, Json::parse_event_t event, Json const& value) {
    auto const level = static_cast<std::size_t>(depth);
    if (event == Json::parse_event_t::object_start) {
      keys_.resize(level + 1);
      keys_[level].clear();
    } else if (event == Json::parse_event_t::key) {
      auto& seen = keys_.at(level - 1);
      auto const key = value.get<std::string>();
      if (!seen.insert(key).second) {
        throw wrong("the key '" + key + "' is there twice");
      }
    }
    return true;
  }

private:
  std::vector<std::unordered_set<std::string>> keys_; ///< of the objects that are open
};

/// "[a, b]", in one line.
std::string list_of(std::vector<std::string> const& keywords) {
  std::string text = "[";
  for (auto const& keyword : keywords) {
    text += (text.size() > 1 ? ", " : "") + Json(keyword).dump();
  }
  return text + "]";
}

events::SkillRules rules_of(Json const& document) {
  if (!document.is_object()) {
    throw wrong("they are no JSON object");
  }
  for (auto const& [key, value] : document.items()) {
    if (key != "categories" && key != "otherwise") {
      throw wrong("the key '" + key + "' is unknown");
    }
  }
  if (!document.contains("categories") || !document["categories"].is_object()) {
    throw wrong("\"categories\" is no object");
  }
  if (document.contains("otherwise") && !document["otherwise"].is_string()) {
    throw wrong("\"otherwise\" is no string");
  }
  std::vector<events::SkillCategory> categories;
  for (auto const& [name, list] : document["categories"].items()) {
    categories.push_back({name, keywords_of(name, list)});
  }
  return {std::move(categories), document.value("otherwise", "general")};
}

} // namespace

events::SkillRules parse_rules(std::string const& text, std::string const& name) {
  try {
    return rules_of(Json::parse(text, NoTwins()));
  } catch (Json::exception const& error) { // a number out of range is no parse_error
    throw bad_input(name + " is no JSON", error.what(), form);
  } catch (Error const& error) {
    throw error.within(name);
  }
}

events::SkillRules read_rules(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  std::string const text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) {
    throw bad_input("cannot read " + path, errno_text(), "check the path");
  }
  return parse_rules(text, path);
}

std::string rules_text(events::SkillRules const& rules) {
  std::string text = "{\n  \"categories\": {";
  char const* separator = "\n";
  for (auto const& category : rules.categories()) {
    text += separator + ("    " + Json(category.name).dump()) + ": ";
    text += list_of(category.keywords);
    separator = ",\n";
  }
  return text + "\n  },\n  \"otherwise\": " + Json(rules.otherwise()).dump() + "\n}\n";
}

} // namespace fod::json
