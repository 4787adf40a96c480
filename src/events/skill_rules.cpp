#include "fod/skill_rules.hpp"

#include "words.hpp"

#include "fod/error.hpp"

#include <algorithm>

namespace fod::events {

namespace {

bool continues(std::vector<std::string> const& words, std::size_t from,
               std::vector<std::string> const& expected) {
  return from + expected.size() <= words.size() &&
         std::equal(expected.begin(), expected.end(),
                    words.begin() + static_cast<std::ptrdiff_t>(from));
}

} // namespace

SkillRules::SkillRules(std::vector<SkillCategory> categories, std::string otherwise)
    : categories_(std::move(categories)) {
  for (std::size_t c = 0; c < categories_.size(); ++c) {
    auto const& category = categories_[c];
    if (category.name.empty()) {
      throw bad_input("a category of the rules has no name", "", "give it one");
    }
    if (std::find(names_.begin(), names_.end(), category.name) != names_.end()) {
      throw bad_input("the rules have the category '" + category.name + "' twice", "",
                      "write all its keywords in one place");
    }
    names_.push_back(category.name);
    for (auto const& keyword : category.keywords) {
      add(keyword, c);
    }
  }
  if (otherwise.empty()) {
    throw bad_input("the rules do not name the category of texts without a keyword", "",
                    "write \"otherwise\": \"general\"");
  }
  auto const found = std::find(names_.begin(), names_.end(), otherwise);
  otherwise_ = static_cast<std::size_t>(found - names_.begin());
  if (found == names_.end()) {
    names_.push_back(std::move(otherwise));
  }
}

void SkillRules::add(std::string const& text, std::size_t category) {
  auto words = words_of(text);
  if (words.empty()) {
    throw bad_input("the keyword '" + text + "' of the category '" + names_[category] +
                        "' holds no word",
                    "words are made of letters and digits", "leave it out, or write it in words");
  }
  auto& known = keywords_[words[0]];
  Keyword keyword{{words.begin() + 1, words.end()}, category};
  if (std::find(known.begin(), known.end(), keyword) == known.end()) {
    known.push_back(std::move(keyword));
  }
}

std::int32_t SkillRules::category_of(std::string_view text) const {
  auto const words = words_of(text);
  std::vector<std::int64_t> hits(categories_.size());
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto const found = keywords_.find(words[i]);
    if (found == keywords_.end()) {
      continue;
    }
    for (auto const& keyword : found->second) {
      hits[keyword.category] += continues(words, i + 1, keyword.rest) ? 1 : 0;
    }
  }
  auto const most = std::max_element(hits.begin(), hits.end());
  bool const none = most == hits.end() || *most == 0;
  return static_cast<std::int32_t>(none ? otherwise_
                                        : static_cast<std::size_t>(most - hits.begin()));
}

} // namespace fod::events
