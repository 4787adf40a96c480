#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fod::events {

/// A category of texts and the words that speak for it.
struct SkillCategory {
  std::string name;
  std::vector<std::string> keywords; ///< words, or several in a row: "prime number"
  bool operator==(SkillCategory const&) const = default;
};

/// Makes categories of texts by keywords: the category with the most hits, the earlier one among
/// equals. Whole words count, the case of ASCII letters does not; what separates words is ASCII
/// other than letters, digits and '_', and the spaces, marks and symbols of Unicode.
class SkillRules {
public:
  /// @param categories in order
  /// @param otherwise name of the category of a text without a hit
  /// @throws Error (usage) for a name that is empty or given twice, and a keyword without a word
  SkillRules(std::vector<SkillCategory> categories, std::string otherwise);
  /// Mathematical, linguistic, logical and memory, otherwise general.
  static SkillRules built_in();

  /// The categories' names in order, `otherwise` last (if it is none of them).
  [[nodiscard]] std::vector<std::string> const& names() const { return names_; }
  /// Index among `names` of a text's category.
  [[nodiscard]] std::int32_t category_of(std::string_view text) const;

  [[nodiscard]] std::vector<SkillCategory> const& categories() const { return categories_; }
  [[nodiscard]] std::string const& otherwise() const { return names_[otherwise_]; }

private:
  /// A keyword, by its words after the first.
  struct Keyword {
    std::vector<std::string> rest;
    std::size_t category = 0;
    bool operator==(Keyword const&) const = default;
  };

  void add(std::string const& text, std::size_t category);

  std::vector<SkillCategory> categories_;
  std::vector<std::string> names_;
  std::size_t otherwise_ = 0;
  std::unordered_map<std::string, std::vector<Keyword>> keywords_; ///< by first word
};

} // namespace fod::events
