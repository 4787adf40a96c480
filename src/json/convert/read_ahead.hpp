#pragma once

#include "id_set.hpp"
#include "row_batch.hpp"

#include "fod/json_scanner.hpp"

#include <cstdint>
#include <functional>
#include <string>

/// Inside of the json module: the bulk of a file of distributions, on several threads.
namespace fod::json {

/// Where reading ahead ended, and why.
struct Ahead {
  Scanner::Place place;        ///< behind the last row that was taken
  std::int64_t slice_end = -1; ///< up to here rows are to be looked at one by one
  std::int64_t slices = 0;     ///< that were taken whole
};

struct AheadOptions {
  int threads = 1;
  std::int64_t classes = 0;                            ///< values that each row must have
  std::int64_t row_bytes = 0;                          ///< of a row's text, about
  std::function<void(std::int64_t bytes)> on_progress; ///< as `Document` has it
};

/// Takes rows as long as they are as they should be: plainly written, of that many classes, with
/// new ids, finite and distributions.
/// @param from behind a row
/// @param on_batch is given the rows in their order; from several threads, one at a time
Ahead read_ahead(std::string const& path, Scanner::Place from, AheadOptions const& options,
                 IdSet& seen, std::function<void(RowBatch&&)> const& on_batch);

} // namespace fod::json
