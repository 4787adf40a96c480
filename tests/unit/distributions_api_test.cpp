// Distributions in memory, and their files; a result file that is read at random.

#include "fod/distributions.hpp"
#include "fod/error.hpp"
#include "fod/h5.hpp"
#include "fod/result.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>
#include <utility>

using Catch::Matchers::Contains;
using fod::Distributions;
using fod::ResultReader;

namespace {

Distributions some(std::vector<std::int64_t> const& ids) {
  Distributions all;
  for (auto const id : ids) {
    auto const p = 1.0F / static_cast<float>(id + 2);
    all.add(id, std::vector<float>{p, 1.0F - p});
  }
  return all;
}

std::string text_of(std::string const& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void require_same(Distributions const& a, Distributions const& b) {
  REQUIRE(std::vector(a.ids().begin(), a.ids().end()) ==
          std::vector(b.ids().begin(), b.ids().end()));
  REQUIRE(std::vector(a.values().begin(), a.values().end()) ==
          std::vector(b.values().begin(), b.values().end()));
}

} // namespace

TEST_CASE("Rows are found by id, whatever the order of ids") {
  for (std::vector<std::int64_t> const& ids :
       {std::vector<std::int64_t>{0, 1, 2}, {7, 8, 9}, {5, 2, 9}, {0, 1, 5, 6, 3}}) {
    auto const all = some(ids);
    REQUIRE(all.size() == std::ssize(ids));
    REQUIRE(all.classes() == 2);
    for (std::size_t row = 0; row < ids.size(); ++row) {
      REQUIRE(all.contains(ids[row]));
      REQUIRE(all.at(ids[row])[0] == 1.0F / static_cast<float>(ids[row] + 2));
      REQUIRE(all.at(ids[row]).data() == all.row(static_cast<std::int64_t>(row)).data());
    }
    REQUIRE_FALSE(all.contains(4));
    REQUIRE_FALSE(all.contains(-1));
    REQUIRE_THROWS_WITH(static_cast<void>(all.at(4)), Contains("No distribution for index 4"));
  }
}

TEST_CASE("Misuse of distributions in memory is told with the id") {
  auto all = some({3, 4});
  REQUIRE_THROWS_WITH(all.add(5, std::vector<float>{1.0F}),
                      Contains("sample 5 has 1 values") && Contains("the others have 2"));
  REQUIRE_THROWS_WITH(all.add(3, std::vector<float>{1.0F, 0.0F}),
                      Contains("sample 3 has a distribution already"));
  REQUIRE(all.size() == 2); // nothing was half added
  REQUIRE_THROWS_WITH(Distributions(-1), Contains("-1 classes"));
  REQUIRE_THROWS_AS(all.set_meta("[1]"), fod::Error);
  auto const taken = std::move(all);
  REQUIRE(taken.size() == 2);
  REQUIRE(all.empty()); // NOLINT(bugprone-use-after-move): that is the question
  REQUIRE_THROWS_WITH(static_cast<void>(all.at(3)), Contains("No distribution for index 3"));
}

TEST_CASE("Files by their endings give back what was saved") {
  TemporaryFolder const folder;
  for (std::vector<std::int64_t> const& ids : {std::vector<std::int64_t>{0, 1, 2}, {9, 4, 6}, {}}) {
    auto all = some(ids);
    all.set_meta(R"({"model_name": "m", "dataset": "Zürich"})");
    for (std::string const name : {"d.json", "d.h5"}) {
      auto const path = folder / name;
      fod::save_distributions(path, all, true);
      auto const back = fod::load_distributions(path);
      require_same(all, back);
      REQUIRE(back.meta() == all.meta());
    }
  }
}

TEST_CASE("The JSON form is Python's, byte for byte") {
  TemporaryFolder const folder;
  Distributions all;
  all.add(0, std::vector<float>{0.1F, 0.9F});
  all.add(1, std::vector<float>{1.0F, 0.0F});
  all.add(12, std::vector<float>{1e-7F, 1.0F});
  all.set_model_name("net");
  fod::save_distributions(folder / "d.json", all);
  REQUIRE(text_of(folder / "d.json") ==
          R"({"meta": {"model_name": "net"}, "distributions": )"
          R"({"0": [0.10000000149011612, 0.8999999761581421], "1": [1.0, 0.0], )"
          R"("12": [1.0000000116860974e-07, 1.0]}})");
}

TEST_CASE("Files that cannot be saved or loaded leave nothing and say why") {
  TemporaryFolder const folder;
  auto const all = some({0});
  REQUIRE_THROWS_WITH(fod::save_distributions(folder / "d.txt", all), Contains(".json or .h5"));
  REQUIRE_THROWS_WITH(fod::load_distributions(folder / "d.txt"), Contains(".json or .h5"));
  for (std::string const name : {"d.json", "d.h5"}) {
    auto const path = folder / name;
    fod::save_distributions(path, all);
    auto const before = text_of(path);
    REQUIRE_THROWS_AS(fod::save_distributions(path, some({5})), fod::Error);
    REQUIRE(text_of(path) == before);
    REQUIRE_THROWS_AS(fod::load_distributions(folder / ("no_" + name)), fod::Error);
  }
  std::ofstream(folder / "bad.json") << R"({"meta": {}, "distributions": {"0": [0.5, 0.9]}})";
  REQUIRE_THROWS_WITH(fod::load_distributions(folder / "bad.json"),
                      Contains("bad.json") && Contains("sample 0"));
}

TEST_CASE("A result is read at random and in portions") {
  TemporaryFolder const folder;
  std::vector<std::int64_t> ids;
  for (std::int64_t id = 0; id < 300; ++id) {
    ids.push_back((id * 7) % 300);
  }
  auto const all = some(ids);
  fod::save_distributions(folder / "r.h5", all);
  ResultReader const reader(folder / "r.h5");
  REQUIRE(reader.size() == 300);
  REQUIRE(reader.classes() == 2);
  for (auto const id : {0, 7, 299}) {
    REQUIRE(reader.contains(id));
    REQUIRE(reader.at(id) == std::vector<float>(all.at(id).begin(), all.at(id).end()));
  }
  REQUIRE_FALSE(reader.contains(300));
  REQUIRE_THROWS_WITH(reader.at(300), Contains("No distribution for index 300"));
  REQUIRE(reader.ids({3, 5}) == std::vector<std::int64_t>{21, 28});
  REQUIRE(reader.distributions({0, 300}) ==
          std::vector<float>(all.values().begin(), all.values().end()));
  REQUIRE(reader.distributions({300, 300}).empty());
  REQUIRE_THROWS_WITH(reader.distributions({299, 301}), Contains("it has 300"));
  for (std::int64_t const step : {1, 7, 299, 300, 1000}) {
    std::vector<std::int64_t> seen;
    std::vector<float> values;
    reader.for_each_portion(step, [&](ResultReader::Portion const& portion) {
      REQUIRE(portion.rows.size() <= step);
      seen.insert(seen.end(), portion.ids.begin(), portion.ids.end());
      values.insert(values.end(), portion.distributions.begin(), portion.distributions.end());
    });
    REQUIRE(seen == ids);
    REQUIRE(values == std::vector<float>(all.values().begin(), all.values().end()));
  }
  REQUIRE_THROWS_WITH(reader.for_each_portion(0, [](auto const&) {}), Contains("one row"));
}

TEST_CASE("Sections of a result are named, entropy is that of its row") {
  TemporaryFolder const folder;
  fod::save_distributions(folder / "r.h5", some({0, 1}));
  ResultReader const reader(folder / "r.h5");
  auto const p = 1.0 / 3;
  REQUIRE(reader.section("/uncertainty/entropy", {1, 2})[0] ==
          Approx(-p * std::log(p) - (1 - p) * std::log(1 - p)).epsilon(1e-6));
  REQUIRE(reader.section("/row_status", {0, 2}) == std::vector<double>{0, 0});
  REQUIRE_THROWS_WITH(reader.section("/entropy", {0, 1}),
                      Contains("has no rows /entropy") && Contains("/uncertainty/entropy"));
}

TEST_CASE("A reader that gave its file away says so") {
  TemporaryFolder const folder;
  fod::save_distributions(folder / "r.h5", some({0, 1}));
  ResultReader first(folder / "r.h5");
  auto const second = std::move(first);
  REQUIRE(second.size() == 2);
  // NOLINTNEXTLINE(bugprone-use-after-move): that is the question
  REQUIRE_THROWS_WITH(first.size(), Contains("std::move"));
}

TEST_CASE("Files that are not complete, or none, are refused") {
  TemporaryFolder const folder;
  REQUIRE_THROWS_WITH(ResultReader(folder / "no.h5"), Contains("does not exist"));
  std::ofstream(folder / "text.h5") << "text";
  REQUIRE_THROWS_WITH(ResultReader(folder / "text.h5"), Contains("is no result file"));
  fod::save_distributions(folder / "r.h5", some({0}));
  {
    auto file = fod::h5::File::open_for_writing(folder / "r.h5");
    file.set_attribute("/", "complete", std::int64_t{0});
    file.close();
  }
  REQUIRE_THROWS_WITH(ResultReader(folder / "r.h5"),
                      Contains("is not complete") && Contains("--resume"));
  REQUIRE_THROWS_WITH(fod::load_distributions(folder / "r.h5"), Contains("is not complete"));
}

TEST_CASE("Several threads may ask one reader") {
  TemporaryFolder const folder;
  std::vector<std::int64_t> ids(200);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<std::int64_t>(2 * i);
  }
  auto const all = some(ids);
  fod::save_distributions(folder / "r.h5", all);
  ResultReader const reader(folder / "r.h5");
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (auto const id : ids) {
          auto const row = reader.at(id);
          wrong += std::equal(row.begin(), row.end(), all.at(id).begin()) ? 0 : 1;
        }
      });
    }
  }
  REQUIRE(wrong == 0);
}
