#pragma once

#include "row_writer.hpp"

#include <functional>
#include <string>

/// Inside of the json module: a result file of rows that no job has computed.
namespace fod::json {

/// What is known before the first row comes.
struct NewFile {
  std::int64_t samples = 0;
  std::int64_t classes = 0;
  ElementType type = ElementType::float32; ///< or float64
  std::string meta;                        ///< JSON text
  std::string tool;                        ///< that makes it, for the provenance
  std::string source;                      ///< it is made from; empty: none
};

/// Writes a whole file; if that fails nothing is left of it. The caller holds its `OutputClaim`.
/// @param fill gives all rows to the writer @throws what it throws, Error (failed)
void write_new_file(std::string const& path, NewFile const& file,
                    std::function<void(RowWriter&)> const& fill);

} // namespace fod::json
