#include "fod/convert.hpp"

#include "fod/error.hpp"
#include "json/convert/id_set.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <unistd.h>

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

namespace {

/// A folder of a test's own.
class Folder {
public:
  Folder() : path_(fs::temp_directory_path() / ("fod-convert-" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  Folder(Folder const&) = delete;
  Folder& operator=(Folder const&) = delete;
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] std::string operator/(std::string const& name) const {
    return (path_ / name).string();
  }
  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> all;
    for (auto const& entry : fs::directory_iterator(path_)) {
      all.insert(entry.path().filename().string());
    }
    return all;
  }

private:
  fs::path path_;
};

void write(std::string const& path, std::string const& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string text_of(std::string const& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

} // namespace

TEST_CASE("JSON goes in and comes out the same", "[json]") {
  Folder const folder;
  auto const* const text = GENERATE(
      R"({"meta": {"model_name": "m"}, "distributions": {"0": [0.25, 0.75], "7": [1.0, 0.0]}})",
      R"({"meta": {}, "distributions": {"3": [0.1, 0.9], "0": [0.30000001192092896, 0.7]}})",
      R"({"meta": {"a": NaN}, "distributions": {}})");
  write(folder / "in.json", text);
  auto const summary = fod::import_json(folder / "in.json", folder / "r.h5");
  REQUIRE(summary.written);
  fod::store::ResultReader const reader(folder / "r.h5");
  CHECK(fod::store::verify(reader).defect_count == 0);
  fod::export_json(reader, folder / "out.json");
  CHECK(text_of(folder / "out.json") == text);
  CHECK(folder.names() == std::set<std::string>{"in.json", "out.json", "r.h5"});
}

TEST_CASE("what a row says of itself is computed", "[json]") {
  Folder const folder;
  write(folder / "in.json", R"({"distributions": {"5": [0.5, 0.5], "6": [0, 1], "9": [NaN, 1]}})");
  auto const summary = fod::import_json(folder / "in.json", folder / "r.h5", {.lenient = true});
  CHECK(summary.findings.size() == 1);
  fod::store::ResultReader const reader(folder / "r.h5");
  CHECK(reader.meta() == R"({"model_name": null})");
  std::vector<float> entropy(3);
  std::vector<std::int32_t> prediction(3);
  std::vector<std::uint8_t> status(3);
  reader.read("/uncertainty/entropy", {0, 3}, fod::ElementType::float32, entropy.data());
  reader.read("/uncertainty/prediction", {0, 3}, fod::ElementType::int32, prediction.data());
  reader.read("/row_status", {0, 3}, fod::ElementType::uint8, status.data());
  CHECK(entropy[0] == Approx(0.693147));
  CHECK(entropy[1] == 0.0F);
  CHECK(prediction == std::vector<std::int32_t>{0, 1, -1});
  CHECK(status == std::vector<std::uint8_t>{0, 0, 1});
}

TEST_CASE("nothing is written for a file with findings", "[json]") {
  Folder const folder;
  write(folder / "in.json", R"({"distributions": {"0": [0.5, 0.5], "00": [1, 0], "1": null}})");
  auto const strict = fod::import_json(folder / "in.json", folder / "r.h5");
  CHECK_FALSE(strict.written);
  CHECK(strict.finding_count == 2);
  CHECK(folder.names() == std::set<std::string>{"in.json"});
  auto const lenient = fod::import_json(folder / "in.json", folder / "r.h5", {.lenient = true});
  CHECK(lenient.written);
  CHECK(lenient.samples == 1);
  CHECK(lenient.skipped == 2);
}

TEST_CASE("an output is there whole or not at all", "[json]") {
  Folder const folder;
  write(folder / "in.json", R"({"distributions": {"0": [0.5, 0.5]}})");
  CHECK(fod::import_json(folder / "in.json", folder / "r.h5").written);
  CHECK_THROWS_WITH(fod::import_json(folder / "in.json", folder / "r.h5"),
                    Contains("there already"));
  fod::store::ResultReader const reader(folder / "r.h5");
  write(folder / "out.json", "mine");
  CHECK_THROWS_WITH(fod::export_json(reader, folder / "out.json"), Contains("there already"));
  CHECK(text_of(folder / "out.json") == "mine");
  CHECK(fod::export_json(reader, folder / "out.json", {.overwrite = true}).samples == 1);
  CHECK(text_of(folder / "out.json").size() > 4);
  CHECK_THROWS_WITH(fod::export_json(reader, folder / "no/out.json"), Contains("does not exist"));
  CHECK(folder.names() == std::set<std::string>{"in.json", "out.json", "r.h5"});
}

TEST_CASE("a partial file is not exported", "[json]") {
  Folder const folder;
  fod::store::Layout layout;
  layout.grid = fod::BlockGrid(100, 64);
  layout.blocks = {0, layout.grid.block_count()};
  layout.classes = 2;
  auto writer =
      fod::store::ResultWriter::create(folder / "r.h5", layout, {"{}", "{}"}, fod::Comm::alone());
  writer.suspend();
  fod::store::ResultReader const reader(fod::store::partial_path(folder / "r.h5"));
  CHECK_THROWS_WITH(fod::export_json(reader, folder / "out.json"),
                    Contains("not complete") && Contains("--resume"));
  CHECK(folder.names() == std::set<std::string>{"r.h5.partial"});
}

TEST_CASE("ids are found again whatever their order", "[json]") {
  fod::json::IdSet ids;
  std::set<std::int64_t> reference;
  std::uint64_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    auto const id = static_cast<std::int64_t>((state >> 33U) % 5000);
    REQUIRE(ids.insert(id) == reference.insert(id).second);
  }
}
