#include "fod/json.hpp"

#include "fod/error.hpp"

#include <catch2/catch.hpp>

namespace json = fod::json;
using Catch::Matchers::Contains;

TEST_CASE("canonical text is what Python would write", "[json]") {
  CHECK(json::canonical("{}") == "{}");
  CHECK(json::canonical(" [ ] ") == "[]");
  CHECK(json::canonical("{\"a\":1,\"b\":[true,false,null],\n\t\"c\":{\"d\":{}}}") ==
        R"({"a": 1, "b": [true, false, null], "c": {"d": {}}})");
  CHECK(json::canonical("[[],{},[[]],0]") == "[[], {}, [[]], 0]");
  CHECK(json::canonical("\"x\"") == "\"x\"");
  CHECK(json::canonical("7") == "7");
}

TEST_CASE("canonical numbers", "[json]") {
  CHECK(json::canonical("[-0, -0.0, 0, 0.0, -0e0]") == "[0, -0.0, 0, 0.0, -0.0]");
  CHECK(json::canonical("[1E400, -1E400, 1e-400]") == "[Infinity, -Infinity, 0.0]");
  CHECK(json::canonical("[NaN, Infinity, -Infinity]") == "[NaN, Infinity, -Infinity]");
  CHECK(json::canonical("[1.50, 1e3, 1E+2, 123456789012345678]") ==
        "[1.5, 1000.0, 100.0, 123456789012345678]");
  std::string const huge(5000, '7');
  CHECK(json::canonical("-" + huge) == "-" + huge);
}

TEST_CASE("canonical strings", "[json]") {
  CHECK(json::canonical(R"("\u00e9\/\u0041\u001F\u007f")") == "\"\u00e9/A\\u001f\x7f\"");
  CHECK(json::canonical(R"("\ud83d\ude00")") == "\"\U0001f600\"");
  CHECK(json::canonical(R"({"\u0061": 1, "\u0000": 2})") == R"({"a": 1, "\u0000": 2})");
}

TEST_CASE("a key given twice is refused at any depth", "[json]") {
  CHECK_THROWS_WITH(json::canonical(R"({"a": 1, "a": 2})"),
                    Contains("line 1, column 10") && Contains("\"a\" is there twice"));
  CHECK_THROWS_AS(json::canonical(R"([{"x": {"a": 1, "\u0061": 2}}])"), fod::Error);
  CHECK_NOTHROW(json::canonical(R"([{"a": 1}, {"a": 2}, {"b": {"a": 1}, "a": 2}])"));
}

TEST_CASE("metadata keeps its order", "[json]") {
  auto meta = json::parse_meta(R"({"model_name": null, "b": [1,2], "a": "x"})");
  REQUIRE(meta.size() == 3);
  CHECK(meta[1].key == "b");
  CHECK(meta[1].value == "[1, 2]");
  json::set(meta, "model_name", "\"m\"");
  json::set(meta, "new", "1");
  CHECK(json::to_text(meta) == R"({"model_name": "m", "b": [1, 2], "a": "x", "new": 1})");
  CHECK(json::to_text({}) == "{}");
  CHECK(json::to_text(json::parse_meta("{}")) == "{}");
}

TEST_CASE("metadata that is no object is refused", "[json]") {
  for (auto const* text : {"[]", "1", "null", "\"x\""}) {
    CHECK_THROWS_WITH(json::parse_meta(text), Contains("no JSON object"));
  }
  CHECK_THROWS_AS(json::parse_meta(R"({"a": 1, "a": 2})"), fod::Error);
  CHECK_THROWS_AS(json::parse_meta("{} {}"), fod::Error);
}
