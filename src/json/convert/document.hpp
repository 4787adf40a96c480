#pragma once

#include "fod/json_scanner.hpp"

#include "id_set.hpp"
#include "row_batch.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

/// Inside of the json module: what a file of distributions holds, row by row.
namespace fod::json {

/// A row that can be taken. One that is no distribution is reported as a finding as well.
struct DocumentRow {
  std::int64_t id = 0;
  std::span<double const> values;
  bool finite = true;
};

/// What keeps a row of numbers from being a distribution.
enum class Fault { none, not_finite, negative, sum };
/// The first that applies. A sum may be off by 1e-4, a probability as much below 0.
Fault fault_of(std::span<double const> values);

/// Walks over `{"meta": …, "distributions": {…}}`, in whatever order, once.
class Document {
public:
  /// @param threads which read ahead
  Document(std::string const& path, int threads)
      : path_(path), threads_(threads), ahead_threads_(threads), scanner_(Scanner::of_file(path)) {}

  /// Where rows and findings go: `sample 7 (line 1, column 90): …`. Rows in the order of the file,
  /// one at a time or many. Called from any thread, one at a time.
  std::function<void(DocumentRow const&)> on_row;
  std::function<void(RowBatch&&)> on_batch;
  std::function<void(std::string const&)> on_finding;
  std::function<void(std::int64_t bytes)> on_progress; ///< of bytes read; may be empty

  /// @throws Error (usage) for what is no JSON or has no distributions
  void walk();

  /// Canonical text of "meta", after `walk`.
  [[nodiscard]] std::string const& meta() const { return meta_; }
  /// Values per row, as the first usable row has them.
  [[nodiscard]] std::int64_t classes() const { return classes_; }
  /// Number of rows that cannot be taken.
  [[nodiscard]] std::int64_t skipped() const { return skipped_; }

private:
  void walk_meta(Token first);
  void walk_distributions(Token first);
  void walk_row(std::string const& key, Position where);
  /// Takes the rows that follow as long as they are as they should be.
  void read_rows_ahead();
  /// Reads the value of a row into `values_`. Why it cannot be taken, empty if it can.
  std::string read_values();
  /// Why a row that can be taken is no distribution, empty if it is one.
  [[nodiscard]] std::string judge() const;

  std::string path_;
  int threads_;
  int ahead_threads_; ///< fewer where rows are odd
  Scanner scanner_;
  std::int64_t row_begin_ = 0;        ///< where the last row starts in the file
  std::int64_t one_by_one_until_ = 0; ///< offset before which nothing is read ahead
  std::string meta_ = "{\"model_name\": null}";
  IdSet seen_;
  std::vector<double> values_;
  std::int64_t classes_ = 0;
  std::int64_t skipped_ = 0;
};

} // namespace fod::json
