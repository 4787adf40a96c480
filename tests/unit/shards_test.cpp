#include "fod/comm.hpp"
#include "fod/error.hpp"
#include "fod/group_settings.hpp"
#include "fod/merge.hpp"
#include "fod/output_claim.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using fod::BlockGrid;
using fod::Comm;
using fod::IndexRange;
namespace store = fod::store;

namespace {

/// A file of groups alone (ids and status) over some blocks of 40 samples in blocks of 4.
struct File {
  IndexRange blocks;
  std::int64_t shard = 0;
  std::int64_t shards = 0;
  std::string seed = "0"; ///< one of its settings
};

store::Layout layout_of(File const& file) {
  store::Layout layout;
  layout.grid = BlockGrid(40, 4);
  layout.blocks = file.blocks;
  layout.distributions = false;
  layout.uncertainty = false;
  layout.shard = file.shard;
  layout.shards = file.shards;
  return layout;
}

std::string write_file(std::string const& path, File const& file, bool whole = true) {
  auto const layout = layout_of(file);
  auto const samples = layout.samples();
  store::Contents const contents{
      R"({"model_name": null})",
      R"({"program": "test", "hosts": ["here"], "devices": ["cpu"], "shard_map": [[)" +
          std::to_string(samples.begin) + ", " + std::to_string(samples.end) +
          R"(]], "settings": ["--range=)" + std::to_string(samples.begin) + ":" +
          std::to_string(samples.end) + R"(", "--layers=", "--seed=)" + file.seed + R"("]})"};
  auto writer = store::ResultWriter::create(path, layout, contents, Comm::alone());
  for (auto block = file.blocks.begin; block < file.blocks.end; ++block) {
    auto const of_block = layout.grid.samples_of(block);
    std::vector<std::int64_t> ids;
    for (auto id = of_block.begin; id < of_block.end; ++id) {
      ids.push_back(id);
    }
    std::vector<std::uint8_t> const status(ids.size(), 0);
    IndexRange const rows{of_block.begin - samples.begin, of_block.end - samples.begin};
    writer.write(0, rows, ids.data());
    writer.write(1, rows, status.data());
    writer.complete_block(block, {static_cast<std::uint64_t>(block) * 77, 4});
  }
  if (!whole) {
    writer.suspend();
    return store::partial_path(path);
  }
  writer.finish(contents, {});
  return path;
}

/// What a merge says.
std::string refusal(std::vector<std::string> const& paths, std::string const& out,
                    bool allow_partial = false) {
  try {
    fod::MergeOptions options;
    options.allow_partial = allow_partial;
    fod::merge_files(paths, out, options);
  } catch (fod::Error const& error) {
    REQUIRE(error.code() == fod::ExitCode::usage);
    return error.what();
  }
  return {};
}

} // namespace

TEST_CASE("a shard's name tells its number and of how many") {
  CHECK(store::shard_path("R.h5", 0, 8) == "R.00000-of-00008.h5");
  CHECK(store::shard_path("/a.b/R.x.h5", 7, 8) == "/a.b/R.x.00007-of-00008.h5");
  CHECK(store::shard_path("a/R", 123456, 200000) == "a/R.123456-of-200000");
}

TEST_CASE("shards of another number of ranks are seen, and nothing else") {
  TemporaryFolder const folder;
  for (auto const* name :
       {"R.00000-of-00008.h5", "R.00001-of-00003.h5", "R.00000-of-00003.h5.partial",
        "R.00000-of-00005.h5.lock", "R.h5", "R.0-of-3.h5", "Q.00000-of-00003.h5",
        "R.00000-of-00003.json", "R.00000-of-.h5", "R.x00000-of-00003.h5"}) {
    std::ofstream(folder / name) << "x";
  }
  CHECK(store::other_shards(folder / "R.h5", 8) ==
        std::vector<std::string>{"R.00000-of-00003.h5.partial", "R.00000-of-00005.h5.lock",
                                 "R.00001-of-00003.h5"});
  CHECK(store::other_shards(folder / "S.h5", 8).empty());
  CHECK(store::other_shards(folder / "nowhere/R.h5", 8).empty());
}

TEST_CASE("what is asked of the groups survives in the settings") {
  fod::LayerRequest asked;
  asked.layers = {"a", "b:mean"};
  asked.options = {fod::groups::Method::kmeans, 0.1,          5, 7, false,
                   fod::groups::Linkage::ward,  9876543210ULL};
  asked.patterns = true;
  asked.keep_activations = true;
  asked.categories = "c.csv:kind=x";
  asked.loss = "loss.npy";
  for (bool const legacy : {false, true}) {
    for (bool const automatic : {false, true}) {
      asked.legacy = legacy;
      asked.auto_threshold = automatic;
      store::Settings settings{{"--layers", "a,b:mean"}, {"--seed", "9876543210"}};
      fod::put_group_settings(settings, asked);
      auto const read = fod::group_request(store::from_lines(store::to_lines(settings)));
      if (!legacy) {
        CHECK(read.options.method == asked.options.method);
      }
      CHECK(read.options.threshold == (automatic ? 0.6 : 0.1)); // to the last bit
      CHECK(read.options.least_size == 5);
      CHECK(read.options.group_count == 7);
      CHECK_FALSE(read.options.sign_blind);
      CHECK(read.options.linkage == fod::groups::Linkage::ward);
      CHECK(read.options.seed == asked.options.seed);
      CHECK(read.legacy == legacy);
      CHECK(read.auto_threshold == automatic);
      CHECK(read.patterns);
      CHECK(read.keep_activations);
      CHECK_FALSE(read.keep_correlation);
      CHECK_FALSE(read.keep_moments);
      CHECK(read.categories == "c.csv:kind=x");
      CHECK(read.texts.empty());
      CHECK(read.loss == "loss.npy");
    }
  }
  CHECK(fod::group_request({{"--layers", ""}}).layers.empty());
  CHECK_THROWS_WITH(fod::group_request({{"--layers", "a"}, {"--group-method", "guess"}}),
                    Catch::Contains("'guess' is no method"));
  CHECK_THROWS_WITH(
      fod::group_request(
          {{"--layers", "a"}, {"--group-method", "kmeans"}, {"--correlation-threshold", "0.5x"}}),
      Catch::Contains("'0.5x' is no number"));
}

TEST_CASE("files that tile the dataset become one, in any order") {
  TemporaryFolder const folder;
  auto const a = write_file(folder / "a.h5", {{0, 3}, 0, 4});
  auto const b = write_file(folder / "b.h5", {{3, 3}, 1, 4}); // empty
  auto const c = write_file(folder / "c.h5", {{3, 9}, 2, 4});
  auto const d = write_file(folder / "d.h5", {{9, 10}, 3, 4});
  auto const report = fod::merge_files({d, b, a, c}, folder / "r.h5", {});
  CHECK(report.samples == IndexRange{0, 40});
  CHECK(report.files.front().path == a);
  CHECK(report.files.back().path == b);
  store::ResultReader const reader(folder / "r.h5");
  CHECK(reader.complete());
  CHECK_FALSE(reader.layout().is_part());
  CHECK(store::verify(reader).defect_count == 0);
  std::vector<std::uint64_t> inputs(10);
  reader.file().dataset("/ledger/inputs").read({0, 10}, fod::ElementType::uint64, inputs.data());
  for (std::uint64_t block = 0; block < 10; ++block) {
    CHECK(inputs[block] == block * 77);
  }
}

TEST_CASE("what is missing, double or foreign is named") {
  TemporaryFolder const folder;
  auto const out = folder / "r.h5";
  auto const a = write_file(folder / "a.h5", {{0, 3}, 0, 3});
  auto const b = write_file(folder / "b.h5", {{3, 6}, 1, 3});
  auto const c = write_file(folder / "c.h5", {{6, 10}, 2, 3});
  auto const overlapping = write_file(folder / "o.h5", {{2, 4}});
  auto const inside = write_file(folder / "i.h5", {{4, 5}});
  auto const foreign = write_file(folder / "f.h5", {{3, 6}, 1, 3, "1"});
  auto const partial = write_file(folder / "p.h5", {{3, 6}, 1, 3}, false);
  CHECK(refusal({}, out) == "there is nothing to merge (no file was given after " + out +
                                "): write `fod merge R.h5 R.*-of-*.h5`");
  CHECK(refusal({c, a}, out) ==
        "samples 12:24 are missing (none of the files holds them; shard 1 of 3 was not given): "
        "give the files that hold them too");
  CHECK(refusal({b}, out) ==
        "samples 0:12, 24:40 are missing (none of the files holds them; shards 0, 2 of 3 were not "
        "given): give the files that hold them too, or pass --allow-partial for a file without "
        "them");
  CHECK_THAT(refusal({c, a}, out, true), Catch::Contains("samples 12:24 are missing"));
  CHECK_THAT(refusal({a, b, c, overlapping}, out),
             Catch::Contains(a + " and " + overlapping + " overlap (both hold samples 8:12)"));
  CHECK_THAT(refusal({a, b, c, inside}, out),
             Catch::Contains(b + " and " + inside + " overlap (both hold samples 16:20)"));
  CHECK_THAT(refusal({a, b, c, b}, out), Catch::Contains("are the same file"));
  CHECK_THAT(refusal({a, foreign, c}, out),
             Catch::Contains("--seed is 0 in " + a + ", and 1 in " + foreign));
  CHECK_THAT(refusal({a, partial, c}, out), Catch::Contains("is not complete (3 of 3 blocks"));
  CHECK_THAT(refusal({a, b, out}, out), Catch::Contains("is both an input and the output"));
  CHECK_FALSE(std::filesystem::exists(out));
  CHECK_FALSE(std::filesystem::exists(store::partial_path(out)));
  CHECK_FALSE(std::filesystem::exists(out + ".lock"));
  CHECK(refusal({b, a}, out, true).empty());
  CHECK(store::ResultReader(out).layout().samples() == IndexRange{0, 24});
}

TEST_CASE("only what nobody would go on with is replaced unasked") {
  TemporaryFolder const folder;
  auto const path = folder / "r.h5";
  write_file(path, {{0, 10}}, false);
  auto const never = [](std::string const&) { return false; };
  auto const always = [](std::string const&) { return true; };
  CHECK_THROWS_WITH(store::OutputClaim(path, {false, false, never}),
                    Catch::Contains("is there already"));
  CHECK_NOTHROW(store::OutputClaim(path, {false, false, always}));
  std::ofstream(path) << "result";
  CHECK_THROWS_WITH(store::OutputClaim(path, {false, false, always}),
                    Catch::Contains("it would be replaced"));
}
