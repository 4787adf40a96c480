#include "fod/checked_rows.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstring>

using fod::BlockGrid;
using fod::Comm;
namespace store = fod::store;

namespace {

constexpr std::int64_t samples = 37;

store::Layout layout() {
  store::Layout layout;
  layout.grid = BlockGrid(samples, 4);
  layout.blocks = {0, layout.grid.block_count()};
  layout.classes = 2;
  return layout;
}

/// Sample i is certain of class i % 2.
std::string written(std::string const& path) {
  store::Contents const contents{"{}", R"({"program": "test"})"};
  auto writer = store::ResultWriter::create(path, layout(), contents, Comm::alone());
  for (std::int64_t block = 0; block < layout().blocks.end; ++block) {
    auto const rows = layout().grid.samples_of(block);
    std::vector<float> p;
    std::vector<std::int64_t> ids;
    std::vector<std::int32_t> predictions;
    for (auto id = rows.begin; id < rows.end; ++id) {
      p.insert(p.end(), {id % 2 == 0 ? 1.0F : 0.0F, id % 2 == 0 ? 0.0F : 1.0F});
      ids.push_back(id);
      predictions.push_back(static_cast<std::int32_t>(id % 2));
    }
    std::vector<std::uint8_t> const status(ids.size(), 0);
    std::vector<float> const figures(ids.size(), 0.0F);
    std::array<void const*, 6> const data{p.data(),       ids.data(),     status.data(),
                                          figures.data(), figures.data(), predictions.data()};
    for (std::size_t s = 0; s < data.size(); ++s) {
      writer.write(s, rows, data[s]);
    }
    writer.complete_block(block, {static_cast<std::uint64_t>(100 + block), 4});
  }
  writer.finish(contents, {});
  return path;
}

/// All ids, read so many rows at a time.
std::vector<std::int64_t> ids_by(store::ResultReader const& reader, std::int64_t step) {
  store::CheckedRows rows(reader, {"/distributions", "/sample_ids"});
  std::vector<std::int64_t> ids;
  for (std::int64_t begin = 0; begin < samples; begin += step) {
    auto const count = std::min(step, samples - begin);
    rows.next(count);
    REQUIRE(rows.data(1).size() == static_cast<std::size_t>(count) * sizeof(std::int64_t));
    auto const before = ids.size();
    ids.resize(before + static_cast<std::size_t>(count));
    std::memcpy(ids.data() + before, rows.data(1).data(), rows.data(1).size());
    for (std::int64_t row = 0; row < count; ++row) {
      float first = -1;
      std::memcpy(&first, rows.data(0).data() + row * 8, sizeof first);
      CHECK(first == ((begin + row) % 2 == 0 ? 1.0F : 0.0F));
    }
  }
  return ids;
}

void change(std::string const& path, std::string const& section, std::int64_t row) {
  auto file = fod::h5::File::open_for_writing(path);
  std::array<double, 2> const values{0.5, 0.5};
  file.dataset(section).write({row, row + 1}, fod::ElementType::float64, values.data());
}

} // namespace

TEST_CASE("rows are read at any pace, across blocks", "[store]") {
  TemporaryFolder const folder;
  store::ResultReader const reader(written(folder / "r.h5"));
  for (std::int64_t const step : {1, 3, 4, 7, 37, 100}) {
    auto const ids = ids_by(reader, step);
    REQUIRE(ids.size() == samples);
    for (std::int64_t i = 0; i < samples; ++i) {
      CHECK(ids[static_cast<std::size_t>(i)] == i);
    }
  }
  store::CheckedRows const rows(reader, {"/sample_ids"});
  CHECK(rows.facts(2).input_digest == 102);
  CHECK(rows.section(0).path == "/sample_ids");
  CHECK_THROWS_WITH(store::CheckedRows(reader, {"/members"}), Catch::Contains("has no /members"));
}

TEST_CASE("a block that was changed is named when its last row is read", "[store]") {
  TemporaryFolder const folder;
  auto const path = written(folder / "r.h5");
  change(path, "/distributions", 9);
  store::ResultReader const reader(path);
  store::CheckedRows rows(reader, {"/distributions"});
  rows.next(11);
  CHECK_THROWS_WITH(rows.next(1),
                    Catch::Contains("samples 8:12: the checksum of /distributions differs"));
  store::CheckedRows others(reader, {"/sample_ids", "/row_status"}); // which are as they were
  CHECK_NOTHROW(others.next(samples));
}
