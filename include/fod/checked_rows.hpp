#pragma once

#include "fod/error.hpp"
#include "fod/store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace fod::store {

/// Reads some sections of a complete file from its first row to its last, as many rows at a time as
/// are asked for, so that several files can be read side by side. What was read of a block is
/// compared with its checksums when its last row is; memory is that of the rows asked for.
class CheckedRows {
public:
  /// @param reader outlives this
  /// @param paths sections of the first pass
  CheckedRows(ResultReader const& reader, std::vector<std::string> const& paths);
  CheckedRows(CheckedRows&&) noexcept;
  CheckedRows& operator=(CheckedRows&&) noexcept;
  CheckedRows(CheckedRows const&) = delete;
  CheckedRows& operator=(CheckedRows const&) = delete;
  ~CheckedRows();

  /// Reads the rows that follow those read before, of all sections.
  /// @throws Error (usage) naming the samples and the section that are not as they were written
  void next(std::int64_t rows);
  /// Those rows of a section (its number in `paths`), in the section's own type.
  [[nodiscard]] std::vector<std::byte> const& data(std::size_t at) const;
  [[nodiscard]] Section const& section(std::size_t at) const;
  /// What is on record of a block (of the grid).
  [[nodiscard]] BlockFacts facts(std::int64_t block) const;

private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The error for a block that is not as it was written.
Error damaged_block(ResultReader const& reader, std::int64_t block, std::string const& what);

} // namespace fod::store
