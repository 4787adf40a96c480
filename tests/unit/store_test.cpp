#include "fod/error.hpp"
#include "fod/output_claim.hpp"
#include "fod/store.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>

using fod::BlockGrid;
using fod::Comm;
using fod::IndexRange;
namespace store = fod::store;

namespace {

store::Contents const contents{R"({"model_name": "m"})",
                               R"({"program": "test", "argv": ["a", "b"], "shards": [[0, 5]]})"};

store::Layout layout_of(std::int64_t samples, std::int64_t batch = 4) {
  store::Layout layout;
  layout.grid = BlockGrid(samples, batch);
  layout.blocks = {0, layout.grid.block_count()};
  layout.classes = 3;
  layout.labels = true;
  return layout;
}

/// Writes every row of a file: (0.5, 0.25, 0.25) for each sample.
void write_rows(store::ResultWriter& writer, store::Layout const& layout, IndexRange blocks) {
  for (auto block = blocks.begin; block < blocks.end; ++block) {
    auto const samples = layout.grid.samples_of(block);
    auto const count = static_cast<std::size_t>(samples.size());
    std::vector<float> distributions;
    std::vector<std::int64_t> ids;
    for (auto id = samples.begin; id < samples.end; ++id) {
      distributions.insert(distributions.end(), {0.5F, 0.25F, 0.25F});
      ids.push_back(id);
    }
    std::vector<std::uint8_t> const status(count, 0);
    std::vector<float> const figures(count, 0.5F);
    std::vector<std::int32_t> const predictions(count, 0);
    auto const first = layout.samples().begin;
    IndexRange const rows{samples.begin - first, samples.end - first};
    std::array<void const*, 7> const data{
        distributions.data(), ids.data(),         status.data(), figures.data(),
        figures.data(),       predictions.data(), ids.data()};
    for (std::size_t s = 0; s < data.size(); ++s) {
      writer.write(s, rows, data[s]);
    }
    writer.complete_block(block);
  }
}

std::string write_file(std::string const& path, store::Layout const& layout) {
  auto writer = store::ResultWriter::create(path, layout, contents, Comm::alone());
  write_rows(writer, layout, layout.blocks);
  writer.finish(contents, {{{"accuracy", 0.5}}, {5, 0, 0}});
  return path;
}

std::string defects_of(std::string const& path) {
  std::string text;
  for (auto const& defect : store::verify(store::ResultReader(path)).defects) {
    text += defect.section + " " + std::to_string(defect.rows.begin) + ":" +
            std::to_string(defect.rows.end) + " " + defect.what + "\n";
  }
  return text;
}

} // namespace

TEST_CASE("a file is written under its partial name, proved, and named") {
  TemporaryFolder const folder;
  for (std::int64_t samples : {1, 4, 5, 2000}) {
    auto const layout = layout_of(samples);
    auto const path = folder / ("r" + std::to_string(samples) + ".h5");
    auto writer = store::ResultWriter::create(path, layout, contents, Comm::alone());
    CHECK_FALSE(std::ifstream(path).good());
    CHECK_FALSE(store::ResultReader(store::partial_path(path)).complete());
    write_rows(writer, layout, layout.blocks);
    writer.finish(contents, {});
    CHECK_FALSE(std::ifstream(store::partial_path(path)).good());
    store::ResultReader const reader(path);
    CHECK(reader.complete());
    CHECK(reader.rows() == samples);
    CHECK(reader.meta() == contents.meta);
    CHECK(defects_of(path).empty());
    std::vector<float> row(3);
    reader.read("/distributions", {samples - 1, samples}, fod::ElementType::float32, row.data());
    CHECK(row == std::vector<float>{0.5F, 0.25F, 0.25F});
  }
}

TEST_CASE("a file without samples is valid") {
  TemporaryFolder const folder;
  auto const path = write_file(folder / "empty.h5", layout_of(0));
  store::ResultReader const reader(path);
  CHECK(reader.file().dataset("/distributions").shape() == fod::Shape{0, 0});
  CHECK(defects_of(path).empty());
}

TEST_CASE("a file of some blocks alone holds their global ids") {
  TemporaryFolder const folder;
  auto layout = layout_of(20);
  layout.blocks = {2, 4};
  auto const path = write_file(folder / "part.h5", layout);
  std::int64_t id = 0;
  store::ResultReader(path).read("/sample_ids", {0, 1}, fod::ElementType::int64, &id);
  CHECK(id == 8);
  CHECK(defects_of(path).empty());
}

TEST_CASE("what is not written, or written wrongly, never gets the final name") {
  TemporaryFolder const folder;
  auto const layout = layout_of(20);
  auto const path = folder / "r.h5";
  SECTION("a block is missing") {
    auto writer = store::ResultWriter::create(path, layout, contents, Comm::alone());
    write_rows(writer, layout, {0, 4});
    CHECK_THROWS_WITH(writer.finish(contents, {}), Catch::Contains("the block is not marked"));
  }
  SECTION("the file changed on the disk before it was read back") {
    auto writer = store::ResultWriter::create(path, layout, contents, Comm::alone());
    write_rows(writer, layout, layout.blocks);
    writer.checkpoint();
    auto file = fod::h5::File::open_for_writing(store::partial_path(path));
    float const other = 0.125F;
    file.dataset("/uncertainty/entropy").write({7, 8}, fod::ElementType::float32, &other);
    file.close();
    CHECK_THROWS_WITH(writer.finish(contents, {}),
                      Catch::Contains("samples 4 to 8") && Catch::Contains("the checksum differs"));
  }
  CHECK_FALSE(std::ifstream(path).good());
}

TEST_CASE("verify names what is wrong and where") {
  TemporaryFolder const folder;
  auto const path = write_file(folder / "r.h5", layout_of(20));
  auto const damage = [&](std::string const& section, IndexRange rows, fod::ElementType type,
                          void const* data) {
    auto file = fod::h5::File::open_for_writing(path);
    file.dataset(section).write(rows, type, data);
    file.close();
    return defects_of(path);
  };
  SECTION("a value that is no probability") {
    std::array<float, 3> const row{0.5F, 0.5F, 0.5F};
    auto const text = damage("/distributions", {9, 10}, fod::ElementType::float32, row.data());
    CHECK_THAT(text, Catch::Contains("/distributions 9:10 the sum is not 1"));
    CHECK_THAT(text, Catch::Contains("/distributions 8:12 the checksum differs"));
  }
  SECTION("rows that are not finite, unmarked") {
    std::vector<float> const rows(6, std::nanf(""));
    CHECK_THAT(damage("/distributions", {3, 5}, fod::ElementType::float32, rows.data()),
               Catch::Contains("3:4 not finite, and not marked so") &&
                   Catch::Contains("4:5 not finite, and not marked so"));
  }
  SECTION("an id that is another's") {
    std::int64_t const id = 3;
    CHECK_THAT(damage("/sample_ids", {4, 5}, fod::ElementType::int64, &id),
               Catch::Contains("/sample_ids 4:5 the id is not the one of its row"));
  }
  SECTION("a negative probability") {
    std::array<float, 3> const row{1.5F, -0.25F, -0.25F};
    CHECK_THAT(damage("/distributions", {0, 1}, fod::ElementType::float32, row.data()),
               Catch::Contains("0:1 a probability below 0"));
  }
  SECTION("an attribute that is not set") {
    auto file = fod::h5::File::open_for_writing(path);
    file.set_attribute("/", "complete", std::int64_t{0});
    file.close();
    CHECK_THAT(defects_of(path), Catch::Contains("not complete"));
  }
  SECTION("an object that is gone") {
    auto file = fod::h5::File::open_for_writing(path);
    file.remove("/row_status");
    file.close();
    CHECK_THAT(defects_of(path), Catch::Contains("/row_status 0:20 missing"));
  }
}

TEST_CASE("files of others are refused with what they lack") {
  TemporaryFolder const folder;
  fod::h5::File::create(folder / "other.h5").close();
  CHECK_THROWS_WITH(store::ResultReader(folder / "other.h5"),
                    Catch::Contains("no result file of fod"));
  auto const path = write_file(folder / "r.h5", layout_of(20));
  auto file = fod::h5::File::open_for_writing(path);
  SECTION("a newer schema") {
    file.set_attribute("/", "schema", std::int64_t{2});
    file.close();
    CHECK_THROWS_WITH(store::ResultReader(path), Catch::Contains("has schema 2"));
  }
  SECTION("a grid that contradicts itself") {
    file.set_attribute("/", "block_end", std::int64_t{100});
    file.close();
    CHECK_THROWS_WITH(store::ResultReader(path), Catch::Contains("damaged"));
  }
}

TEST_CASE("an output belongs to one job at a time") {
  TemporaryFolder const folder;
  auto const path = folder / "r.h5";
  {
    store::OutputClaim const first(path, {});
    CHECK_THROWS_WITH(store::OutputClaim(path, {true, false}),
                      Catch::Contains("another job is writing") && Catch::Contains("process "));
  }
  write_file(path, layout_of(5));
  CHECK_THROWS_WITH(store::OutputClaim(path, {}), Catch::Contains("is there already"));
  CHECK_NOTHROW(store::OutputClaim(path, {true, false}));
  CHECK_THROWS_WITH(store::OutputClaim(folder / "no/r.h5", {}), Catch::Contains("does not exist"));
  std::ofstream(folder / "half.h5.partial") << "junk";
  CHECK_THROWS_WITH(store::OutputClaim(folder / "half.h5", {}),
                    Catch::Contains("ended while being created"));
  CHECK_FALSE(std::ifstream(path + ".lock").good());
}

TEST_CASE("what a job ended just after its last rename left behind is removed") {
  TemporaryFolder const folder;
  auto const path = write_file(folder / "r.h5", layout_of(5));
  auto const state = std::filesystem::path(path + ".partial.state");
  std::filesystem::create_directory(state);
  std::ofstream(state / "moments-0-0.h5") << "sums";
  store::OutputClaim const claim(path, {false, true});
  CHECK(claim.found() == store::Found::result);
  CHECK_FALSE(std::filesystem::exists(state));
}
