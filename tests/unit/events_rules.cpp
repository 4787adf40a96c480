#include "fod/error.hpp"
#include "fod/rules_file.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using Catch::Matchers::Contains;
using fod::events::SkillRules;

namespace {

SkillRules const rules({{"maths", {"sum", "prime number", "Σ x"}},
                        {"words", {"letter", "sum", "naïve"}},
                        {"none", {}}},
                       "other");

std::string category(std::string const& text) {
  return rules.names()[static_cast<std::size_t>(rules.category_of(text))];
}

} // namespace

TEST_CASE("rules: the category with the most hits, the earlier one among equals") {
  CHECK(rules.names() == std::vector<std::string>{"maths", "words", "none", "other"});
  CHECK(category("") == "other");
  CHECK(category("nothing here") == "other");
  CHECK(category("the SUM of it") == "maths"); // a tie
  CHECK(category("the sum of a letter") == "words");
  CHECK(category("a letter, a letter; a prime number") == "words"); // each hit counts
  CHECK(category("a letter and two: prime number, Prime\n(number)") == "maths");
}

TEST_CASE("rules: whole words, and words in a row") {
  CHECK(category("summary") == "other");
  CHECK(category("sum_of") == "other");
  CHECK(category("letters") == "other");
  CHECK(category("letter.") == "words");
  CHECK(category("prime") == "other");
  CHECK(category("number prime") == "other");
  CHECK(category("prime prime number") == "maths");
  CHECK(category("ends in prime") == "other");
}

TEST_CASE("rules: texts in UTF-8") {
  CHECK(category("“letter”…") == "words"); // quotes and dots of Unicode part words
  CHECK(category("é—letter–") == "words");
  CHECK(category("letter\u00a0a") == "words");
  CHECK(category("《letter》") == "words");
  CHECK(category("letteré") == "other");
  CHECK(category("életter") == "other");
  CHECK(category("NAïVE") == "words"); // the case of ASCII letters alone is taken away
  CHECK(category("NAÏVE") == "other");
  CHECK(category("Σ x") == "maths");
  CHECK(category("letter \xff\xc2") == "words"); // broken at the end
}

TEST_CASE("rules: the built-in ones") {
  auto const built_in = SkillRules::built_in();
  CHECK(built_in.names() ==
        std::vector<std::string>{"mathematical", "linguistic", "logical", "memory", "general"});
  auto const of = [&](std::string const& text) {
    return built_in.names()[static_cast<std::size_t>(built_in.category_of(text))];
  };
  CHECK(of("Calculate the sum of 2 and 3.") == "mathematical");
  CHECK(of("Is 'run' a verb or a noun in this sentence?") == "linguistic");
  CHECK(of("If all premises are true, does the conclusion follow?") == "logical");
  CHECK(of("Who wrote Hamlet, and what is the capital of France?") == "memory");
  CHECK(of("Good morning!") == "general");
}

TEST_CASE("rules: what is written is read back") {
  auto const built_in = SkillRules::built_in();
  auto const text = fod::json::rules_text(built_in);
  TemporaryFolder const folder;
  std::ofstream(folder / "rules.json") << text;
  auto const read = fod::json::read_rules(folder / "rules.json");
  CHECK(read.categories() == built_in.categories());
  CHECK(read.names() == built_in.names());
  CHECK(fod::json::rules_text(read) == text);
  // The category of texts without a hit can be one of the others.
  CHECK(fod::json::parse_rules(R"({"categories": {"b": ["x"], "a": []}, "otherwise": "b"})", "f")
            .names() == std::vector<std::string>{"b", "a"});
  CHECK(fod::json::parse_rules(R"({"categories": {}})", "f").otherwise() == "general");
}

TEST_CASE("rules: what is wrong is named") {
  auto const refused = [](std::string const& text) {
    try {
      (void)fod::json::parse_rules(text, "r.json");
    } catch (fod::Error const& error) {
      return error.code() == fod::ExitCode::usage ? std::string(error.what()) : "";
    }
    return std::string();
  };
  CHECK_THAT(refused("{"), Contains("r.json is no JSON (") && Contains("--print-rules"));
  CHECK_THAT(refused("[]"), Contains("r.json: cannot use these rules (they are no JSON object)"));
  CHECK_THAT(refused("{}"), Contains("\"categories\" is no object"));
  CHECK_THAT(refused(R"({"categories": {"a": "x"}})"), Contains("'a' is no list of keywords"));
  CHECK_THAT(refused(R"({"categories": {"a": [3]}})"), Contains("the keyword 3, which is no"));
  CHECK_THAT(refused(R"({"categories": {}, "others": "x"})"), Contains("'others' is unknown"));
  CHECK_THAT(refused(R"({"categories": {}, "otherwise": 3})"), Contains("\"otherwise\" is no"));
  CHECK_THAT(refused(R"({"categories": {}, "otherwise": ""})"), Contains("do not name"));
  CHECK_THAT(refused(R"({"categories": {"": []}})"), Contains("has no name"));
  CHECK_THAT(refused(R"({"categories": {"a": ["?!"]}})"),
             Contains("the keyword '?!' of the category 'a' holds no word"));
  CHECK_THAT(refused(R"({"categories": {"a": [], "a": []}})"), Contains("'a' is there twice"));
  CHECK_THROWS_WITH(fod::json::read_rules("/none.json"),
                    Contains("cannot read /none.json (No such file"));
}
