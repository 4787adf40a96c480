#pragma once

#include "fod/json_scanner.hpp"

#include "id_set.hpp"

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

/// Walks over `{"meta": …, "distributions": {…}}`, in whatever order, once.
class Document {
public:
  explicit Document(std::string const& path) : scanner_(Scanner::of_file(path)) {}

  /// Where rows and findings go: `sample 7 (line 1, column 90): …`.
  std::function<void(DocumentRow const&)> on_row;
  std::function<void(std::string const&)> on_finding;

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
  /// Reads the value of a row into `values_`. Why it cannot be taken, empty if it can.
  std::string read_values();
  /// Why a row that can be taken is no distribution, empty if it is one.
  [[nodiscard]] std::string judge(bool finite) const;

  Scanner scanner_;
  std::string meta_ = "{\"model_name\": null}";
  IdSet seen_;
  std::vector<double> values_;
  std::int64_t classes_ = 0;
  std::int64_t skipped_ = 0;
};

} // namespace fod::json
