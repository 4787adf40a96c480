#include "columns.hpp"

#include "fod/error.hpp"

#include <algorithm>

namespace fod::json {

ColumnReader::ColumnReader(store::ResultReader const& reader, std::vector<Column> columns)
    : columns_(std::move(columns)) {
  for (auto const& column : columns_) {
    auto dataset = reader.file().dataset(column.path);
    auto const expected = with_leading(reader.rows(), column.row);
    // Rows are read into room for what the file says of itself, which a damaged one may contradict.
    if (dataset.shape() != expected) {
      throw bad_input(reader.path() + " is damaged",
                      column.path + " has shape " + to_string(dataset.shape()) + " where " +
                          to_string(expected) + " is on record",
                      "make it again, or restore it from a backup");
    }
    datasets_.push_back(std::move(dataset));
  }
}

void ColumnReader::read(IndexRange rows, Slice& slice) const {
  slice.rows = rows;
  slice.columns.resize(columns_.size());
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    auto const& column = columns_[c];
    if (!datasets_[c].can_hold(rows.size())) {
      throw bad_input(column.path + " is damaged",
                      "it holds fewer bytes than its " + to_string(datasets_[c].shape()) +
                          " numbers take",
                      "make the file again, or restore it from a backup");
    }
    slice.columns[c].resize(static_cast<std::size_t>(rows.size() * column.width()) *
                            size_of(column.type));
    datasets_[c].read(rows, column.type, slice.columns[c].data());
  }
}

std::int64_t ColumnReader::width() const {
  std::int64_t width = 0;
  for (auto const& column : columns_) {
    width += column.width();
  }
  return width;
}

Column column_of(store::Section const& section, bool float32) {
  if (!is_floating(section.type)) {
    return {section.path, ElementType::int64, section.row};
  }
  return {section.path, float32 ? ElementType::float32 : section.type, section.row};
}

std::vector<store::Section> exported_sections(store::ResultReader const& reader) {
  auto sections = reader.ledgers().front().sections;
  std::erase_if(sections, [](auto const& s) { return s.path.starts_with("/activations/"); });
  return sections;
}

store::Section const* find_section(std::vector<store::Section> const& sections,
                                   std::string const& path) {
  auto const found = std::find_if(sections.begin(), sections.end(),
                                  [&](auto const& section) { return section.path == path; });
  return found == sections.end() ? nullptr : &*found;
}

std::string short_name(store::Section const& section) {
  return section.path.substr(section.path.rfind('/') + 1);
}

} // namespace fod::json
