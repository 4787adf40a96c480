#pragma once

#include "columns.hpp"
#include "text.hpp"

#include "fod/convert.hpp"
#include "fod/output_file.hpp"

#include <functional>
#include <string>
#include <vector>

/// Inside of the json module: an output as parts, each made from rows of the file.
namespace fod::json {

/// Text, then what all rows are laid out as, then text.
struct Part {
  std::string before;
  std::vector<Column> columns; ///< none: the part is its text alone
  /// Appends some rows. Called by several threads at once.
  std::function<void(Slice const&, Text&)> form;
  std::string after;
};

/// What all outputs of an export share.
class Exporter {
public:
  /// @param parts with rows that there will be in all outputs
  Exporter(store::ResultReader const& reader, ExportOptions const& options, std::int64_t parts);
  void write(std::vector<Part> const& parts, Output& output);
  [[nodiscard]] PhaseSeconds const& seconds() const { return seconds_; }

private:
  class Maker;
  void write_rows(Part const& part, Output& output);
  void tell_progress(std::int64_t rows) const;

  store::ResultReader const& reader_;
  ExportOptions const& options_;
  std::int64_t parts_;
  std::int64_t parts_done_ = 0;
  PhaseSeconds seconds_;
};

/// The JSON of distributions, with the rest of the file if `options.all`.
std::vector<Part> json_parts(store::ResultReader const& reader, ExportOptions const& options);
/// One line per sample.
std::vector<Part> csv_parts(store::ResultReader const& reader, ExportOptions const& options);
/// A section as an array of NumPy.
std::vector<Part> npy_parts(store::ResultReader const& reader, store::Section const& section,
                            bool float32);

} // namespace fod::json
