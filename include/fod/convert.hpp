#pragma once

#include "fod/records.hpp"
#include "fod/store.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/// Between result files and the JSON format of distributions.
namespace fod {

/// What an export is written as.
enum class ExportFormat {
  json, ///< the exact format
  csv,  ///< a line per sample: id, distribution, label, prediction, entropy; RFC 4180
  npy   ///< an array of NumPy, and one file per further section
};

struct ExportOptions {
  bool float32 = false;    ///< shortest float32 digits (or float32 arrays) instead of float64 ones
  bool overwrite = false;  ///< replace an existing output
  bool all = false;        ///< members, logits, labels, uncertainty and row status too
  int threads = 1;         ///< which the bytes do not depend on
  std::string groups = {}; ///< with `all`: JSON of the groups, empty if there are none
  /// Is told how many samples are written, now and then, from any thread.
  std::function<void(std::int64_t samples)> on_progress = {};
};

/// Seconds that a conversion took: phases by the processor's time, all threads together; `clock`
/// and `sync`, one after the other, by the clock.
struct PhaseSeconds {
  double read = 0;  ///< of the input
  double form = 0;  ///< from one form to the other
  double write = 0; ///< of the output
  double clock = 0; ///< until all was written
  double sync = 0;  ///< until it was on the disk
};

/// What was written.
struct ExportSummary {
  std::int64_t samples = 0;
  std::int64_t classes = 0;
  std::int64_t bytes = 0;         ///< of all files
  std::vector<std::string> paths; ///< of the files; the first is the one that was asked for
  PhaseSeconds seconds;
};

/// The format that the ending of a path names. @throws Error (usage) if it names none
ExportFormat export_format(std::string const& path);

/// Writes a complete file in another format, streaming: memory is for `threads` pieces. Final names
/// appear only when all is on the disk; on an error nothing is left behind.
/// @param out_path a file, or "-" for standard output (JSON alone)
/// @throws Error (usage) if the file is partial or the output exists, (failed) if writing fails
ExportSummary export_file(store::ResultReader const& reader, std::string const& out_path,
                          ExportFormat format, ExportOptions const& options);

/// The same as JSON.
ExportSummary export_json(store::ResultReader const& reader, std::string const& out_path,
                          ExportOptions const& options = {});

/// What an .npy file begins with, version 1.0 of NumPy's format (numpy.lib.format): magic, length,
/// a Python dict that is padded so that the numbers start at a multiple of 64.
/// @throws Error (usage) for a type that result files do not hold
std::string npy_header(ElementType type, Shape const& shape);

struct ImportOptions {
  bool overwrite = false; ///< replace an existing output
  bool lenient = false;   ///< take what can be taken instead of nothing
  int threads = 1;        ///< which neither the file nor the findings depend on
  /// Is told how many bytes are read, now and then, from any thread.
  std::function<void(std::int64_t bytes)> on_progress = {};
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
  double processor_seconds = 0;            ///< of all threads together
};
inline constexpr std::size_t import_finding_limit = 20;

/// Reads JSON of distributions, once and streaming, into a result file. Everything that is not as
/// it should be is reported with its sample id, line and column. Memory is for `threads` slices
/// and a row each, and for 96 MB of rows; further ones wait in a nameless file beside the output.
/// @throws Error (usage) if it is no JSON of this shape, or the output exists
ImportSummary import_json(std::string const& in_path, std::string const& out_path,
                          ImportOptions const& options = {});

} // namespace fod
