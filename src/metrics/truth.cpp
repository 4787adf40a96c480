#include "truth.hpp"

#include "arrays.hpp"

#include "fod/convert.hpp"
#include "fod/error.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

namespace fod::metrics {

namespace {

namespace fs = std::filesystem;

/// How far a row's sum may be from 1, as everywhere.
constexpr double tolerance = 1e-4;

/// A folder that goes when its owner does.
class TemporaryFolder {
public:
  TemporaryFolder() : path_((fs::temp_directory_path() / "fod-truth-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) {
      throw run_failure("cannot make a folder in " + fs::temp_directory_path().string(),
                        errno_text(), "name another by TMPDIR");
    }
  }
  TemporaryFolder(TemporaryFolder const&) = delete;
  TemporaryFolder& operator=(TemporaryFolder const&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string operator/(std::string const& name) const {
    return (fs::path(path_) / name).string();
  }

private:
  std::string path_;
};

/// Rows of another result file, found by sample id.
class ResultTruth final : public Truth {
public:
  /// @param name of the file that the user gave
  ResultTruth(store::ResultReader truth, std::string name, store::ResultReader const& reader)
      : truth_(std::move(truth)), name_(std::move(name)), of_(reader.path()) {
    if (!truth_.layout().distributions) {
      throw bad_input(name_ + " holds no distributions", "its job found groups alone",
                      "give another truth");
    }
    if (!truth_.complete()) {
      throw bad_input(name_ + " is not complete", "its job has not finished",
                      "let it finish, or give another truth");
    }
    if (truth_.rows() != reader.rows()) {
      throw bad_input(name_ + " has " + counted(truth_.rows(), "sample"),
                      of_ + " has " + counted(reader.rows(), "sample"),
                      "give a truth with one distribution for each sample of the file");
    }
    if (truth_.rows() > 0 && truth_.classes() != reader.classes()) {
      throw bad_input(name_ + " has distributions over " + counted(truth_.classes(), "class"),
                      of_ + " has " + std::to_string(reader.classes()),
                      "give a truth over the same classes");
    }
  }

  void read(IndexRange rows, std::span<std::int64_t const> ids, std::span<double> out,
            std::span<std::uint8_t> known) override {
    auto const classes = static_cast<std::size_t>(truth_.classes());
    auto const at = rows_of(rows, ids);
    for (std::size_t i = 0; i < at.size();) {
      auto end = i + 1; // of a run of neighbours, which are read together
      while (end < at.size() && at[end] == at[end - 1] + 1) {
        ++end;
      }
      IndexRange const run{at[i], at[end - 1] + 1};
      truth_.read("/distributions", run, ElementType::float64, &out[i * classes]);
      truth_.read("/row_status", run, ElementType::uint8, &known[i]);
      for (; i < end; ++i) {
        auto const row = out.subspan(i * classes, classes);
        known[i] =
            known[i] == static_cast<std::uint8_t>(RowStatus::good) &&
                    std::all_of(row.begin(), row.end(), [](double p) { return std::isfinite(p); })
                ? 1
                : 0;
      }
    }
  }

private:
  /// Where the samples with these ids are.
  std::vector<std::int64_t> rows_of(IndexRange rows, std::span<std::int64_t const> ids) {
    std::vector<std::int64_t> at(ids.size());
    truth_.read("/sample_ids", rows, ElementType::int64, at.data());
    bool const same = std::equal(at.begin(), at.end(), ids.begin(), ids.end());
    for (std::size_t i = 0; i < at.size(); ++i) {
      at[i] = same ? rows.begin + static_cast<std::int64_t>(i) : row_of(ids[i]);
    }
    return at;
  }

  std::int64_t row_of(std::int64_t id) {
    if (!index_) {
      std::vector<std::int64_t> ids(static_cast<std::size_t>(truth_.rows()));
      truth_.read("/sample_ids", {0, truth_.rows()}, ElementType::int64, ids.data());
      index_.emplace();
      for (std::size_t row = 0; row < ids.size(); ++row) {
        index_->emplace_back(ids[row], static_cast<std::int64_t>(row));
      }
      std::sort(index_->begin(), index_->end());
    }
    auto const found =
        std::lower_bound(index_->begin(), index_->end(), std::pair(id, std::int64_t{0}));
    if (found == index_->end() || found->first != id) {
      throw bad_input(name_ + " has no sample " + std::to_string(id), of_ + " has it",
                      "give a truth with the same sample ids");
    }
    return found->second;
  }

  store::ResultReader truth_;
  std::string name_;
  std::string of_;
  std::optional<std::vector<std::pair<std::int64_t, std::int64_t>>> index_; ///< ids and rows
};

/// Rows of an array.
class ArrayTruth final : public Truth {
public:
  ArrayTruth(std::string const& spec, store::ResultReader const& reader)
      : array_("--truth", spec, {reader.classes()}, reader),
        classes_(static_cast<std::size_t>(reader.classes())) {}
  void read(IndexRange rows, std::span<std::int64_t const> ids, std::span<double> out,
            std::span<std::uint8_t> known) override {
    array_.read(rows, out);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      known[i] = normalise(out.subspan(i * classes_, classes_), array_.name(), ids[i]) ? 1 : 0;
    }
  }

private:
  SampleArray array_;
  std::size_t classes_;
};

/// JSON is read into a result file of its own first, which is gone as soon as it is open: so memory
/// does not grow with it, and what is wrong with it is told as `fod import` does.
std::unique_ptr<Truth> open_json(std::string const& path, store::ResultReader const& reader) {
  TemporaryFolder const folder;
  auto const imported = folder / "truth.h5";
  auto const summary = import_json(path, imported);
  if (!summary.written) {
    auto const more = summary.finding_count - 1;
    throw bad_input(path + " holds rows that are no distributions",
                    summary.findings.front() +
                        (more > 0 ? ", and " + std::to_string(more) + " more" : ""),
                    "correct them, or give the result of `fod import --lenient`");
  }
  return std::make_unique<ResultTruth>(store::open_result(imported), path, reader);
}

bool begins_with(std::string const& path, std::string_view start) {
  std::array<char, 8> bytes{};
  std::ifstream(path, std::ios::binary).read(bytes.data(), bytes.size());
  return std::string_view(bytes.data(), bytes.size()).starts_with(start);
}

} // namespace

bool normalise(std::span<double> row, std::string const& name, std::int64_t id) {
  double sum = 0;
  bool whole = true;
  for (auto const value : row) {
    if (!(value >= -tolerance) || !std::isfinite(value)) {
      throw bad_input(name + " has a value of " + std::to_string(value) + " for sample " +
                          std::to_string(id),
                      "probabilities or counts are numbers from 0", "correct it");
    }
    sum += value;
    whole = whole && value == std::trunc(value);
  }
  if (std::abs(sum - 1) <= tolerance) {
    return true;
  }
  if (!whole) {
    throw bad_input(name + ": the row of sample " + std::to_string(id) + " sums to " +
                        std::to_string(sum),
                    "probabilities sum to 1, and counts are whole numbers", "correct it");
  }
  if (sum <= 0) {
    return false;
  }
  for (auto& value : row) {
    value /= sum;
  }
  return true;
}

std::unique_ptr<Truth> open_truth(std::string const& spec, store::ResultReader const& reader) {
  std::error_code ignored;
  bool const is_file = fs::is_regular_file(spec, ignored);
  if (spec.ends_with(".json") || (is_file && begins_with(spec, "{"))) {
    return open_json(spec, reader);
  }
  if (is_file && begins_with(spec, "\x89HDF\r\n\x1a\n")) {
    return std::make_unique<ResultTruth>(store::open_result(spec), spec, reader);
  }
  return std::make_unique<ArrayTruth>(spec, reader);
}

} // namespace fod::metrics
