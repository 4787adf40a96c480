#include "fod/checked_rows.hpp"

#include "blocks.hpp"

#include <cstring>

namespace fod::store {

class CheckedRows::Impl {
public:
  Impl(ResultReader const& reader, std::vector<std::string> const& paths)
      : reader_(reader), scanner_(reader, reader.ledgers().front()) {
    auto const& known = reader.ledgers().front().sections;
    for (auto const& path : paths) {
      auto const found = std::find_if(known.begin(), known.end(),
                                      [&](Section const& section) { return section.path == path; });
      if (found == known.end()) {
        throw bad_input(reader.path() + " has no " + path, "its job was not asked for it",
                        "give a file that has it");
      }
      columns_.push_back({static_cast<std::size_t>(found - known.begin()),
                          *found,
                          {},
                          {},
                          {reader, *found, {0, reader.rows()}}});
    }
  }

  void next(std::int64_t rows) {
    for (auto& column : columns_) {
      column.data.resize(static_cast<std::size_t>(rows * column.section.row_bytes()));
    }
    for (std::int64_t done = 0; done < rows;) {
      auto const& layout = reader_.layout();
      auto const first = layout.samples().begin;
      auto const block = (first + row_) / layout.grid.block_size();
      auto const samples = layout.grid.samples_of(block);
      if (samples.begin == first + row_ && !scanner_.done(block)) {
        throw damaged_block(reader_, block, "not marked done in /ledger");
      }
      IndexRange const piece{row_, std::min(row_ + rows - done, samples.end - first)};
      read(piece, done);
      done += piece.size();
      row_ = piece.end;
      if (row_ == samples.end - first) {
        end_block(block);
      }
    }
  }

  [[nodiscard]] std::vector<std::byte> const& data(std::size_t at) const {
    return columns_[at].data;
  }
  [[nodiscard]] Section const& section(std::size_t at) const { return columns_[at].section; }
  [[nodiscard]] BlockFacts facts(std::int64_t block) const { return scanner_.facts(block); }

private:
  struct Column {
    std::size_t number; ///< in the ledger
    Section section;
    std::vector<std::byte> data;
    Checksum checksum; ///< of the rows of the block so far
    RowWindow window;
  };

  void read(IndexRange rows, std::int64_t at) {
    for (auto& column : columns_) {
      auto const row_bytes = column.section.row_bytes();
      auto const bytes = static_cast<std::size_t>(rows.size() * row_bytes);
      auto const* const data = column.window.at(rows);
      column.checksum.update(data, bytes);
      std::memcpy(column.data.data() + at * row_bytes, data, bytes);
    }
  }

  void end_block(std::int64_t block) {
    for (auto& column : columns_) {
      if (column.checksum.digest() != scanner_.recorded(block, column.number)) {
        throw damaged_block(reader_, block, "the checksum of " + column.section.path + " differs");
      }
      column.checksum = Checksum();
    }
  }

  ResultReader const& reader_;
  BlockScanner scanner_;
  std::vector<Column> columns_;
  std::int64_t row_ = 0;
};

CheckedRows::CheckedRows(ResultReader const& reader, std::vector<std::string> const& paths)
    : impl_(std::make_unique<Impl>(reader, paths)) {}
CheckedRows::CheckedRows(CheckedRows&&) noexcept = default;
CheckedRows& CheckedRows::operator=(CheckedRows&&) noexcept = default;
CheckedRows::~CheckedRows() = default;

void CheckedRows::next(std::int64_t rows) {
  impl_->next(rows);
}

std::vector<std::byte> const& CheckedRows::data(std::size_t at) const {
  return impl_->data(at);
}

Section const& CheckedRows::section(std::size_t at) const {
  return impl_->section(at);
}

BlockFacts CheckedRows::facts(std::int64_t block) const {
  return impl_->facts(block);
}

Error damaged_block(ResultReader const& reader, std::int64_t block, std::string const& what) {
  auto const samples = reader.layout().grid.samples_of(block);
  return bad_input(
      reader.path() + " is damaged",
      "samples " + std::to_string(samples.begin) + ":" + std::to_string(samples.end) + ": " + what,
      "make it again, or restore it from a backup; `fod verify` lists all that is wrong");
}

} // namespace fod::store
