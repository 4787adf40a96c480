#pragma once

#include "fod/records.hpp"
#include "fod/store.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// Between result files and the JSON format of distributions.
namespace fod {

struct ExportOptions {
  bool float32 = false;   ///< shortest float32 digits instead of float64 ones
  bool overwrite = false; ///< replace an existing output
};

/// What was written.
struct ExportSummary {
  std::int64_t samples = 0;
  std::int64_t classes = 0;
  std::int64_t bytes = 0;
};

/// Writes the distributions of a complete file as JSON, streaming. The final name appears only
/// when all is on the disk; on an error nothing is left behind.
/// @param out_path a file, or "-" for standard output
/// @throws Error (usage) if the file is partial or the output exists, (failed) if writing fails
ExportSummary export_json(store::ResultReader const& reader, std::string const& out_path,
                          ExportOptions options = {});

struct ImportOptions {
  bool overwrite = false; ///< replace an existing output
  bool lenient = false;   ///< take what can be taken instead of nothing
};

/// What was found and written.
struct ImportSummary {
  std::vector<std::string> findings; ///< the first `import_finding_limit`, in the file's order
  std::int64_t finding_count = 0;
  std::int64_t skipped = 0; ///< rows that cannot be taken
  std::int64_t samples = 0; ///< rows that can
  std::int64_t classes = 0;
  ElementType type = ElementType::float32; ///< float64 if any value is no float32
  bool written = false;                    ///< false iff there are findings and not `lenient`
};
inline constexpr std::size_t import_finding_limit = 20;

/// Reads JSON of distributions, in two streaming passes, into a result file. Everything that is
/// not as it should be is reported with its sample id, line and column.
/// @throws Error (usage) if it is no JSON of this shape, or the output exists
ImportSummary import_json(std::string const& in_path, std::string const& out_path,
                          ImportOptions options = {});

} // namespace fod
