#include "parts.hpp"

#include "fod/json.hpp"
#include "fod/utf8.hpp"

#include <algorithm>
#include <charconv>

namespace fod::json {

namespace {

/// A field of RFC 4180: quoted if it has to be, quotes doubled.
std::string field(std::string const& text) {
  if (text.find_first_of("\",\r\n") == std::string::npos) {
    return text;
  }
  std::string quoted = "\"";
  for (char const c : text) {
    quoted += c;
    if (c == '"') {
      quoted += c;
    }
  }
  return quoted + "\"";
}

/// What the classes are called: as their dataset names them, else p0, p1, …
std::vector<std::string> class_names(store::ResultReader const& reader) {
  std::string const path = "/provenance/class_names";
  std::vector<std::string> names;
  if (reader.file().is_text(path)) {
    names = reader.file().read_texts(path);
  }
  if (std::ssize(names) == reader.classes()) {
    std::transform(names.begin(), names.end(), names.begin(), repaired_utf8);
    return names;
  }
  names.clear();
  for (std::int64_t k = 0; k < reader.classes(); ++k) {
    names.push_back("p" + std::to_string(k));
  }
  return names;
}

/// Names of the columns that a section fills.
std::vector<std::string> titles(store::Section const& section,
                                std::vector<std::string> const& classes) {
  auto const& row = section.row;
  if (section.path == "/sample_ids") {
    return {"id"};
  }
  auto const name = section.path == "/labels" ? std::string("label") : short_name(section);
  if (row.empty()) {
    return {name};
  }
  bool const plain = section.path == "/distributions";
  std::vector<std::string> all;
  auto const lists = row.size() < 2 ? 1 : row.front();
  for (std::int64_t list = 0; list < lists; ++list) {
    for (std::int64_t k = 0; k < row.back(); ++k) {
      auto const at = static_cast<std::size_t>(k);
      auto const of_class = at < classes.size() ? classes[at] : std::to_string(k);
      auto const number = row.size() < 2 ? "" : std::to_string(list) + "_";
      all.push_back(plain ? of_class : name + "_" + number + of_class);
    }
  }
  return all;
}

/// Sections in the order of their columns.
std::vector<store::Section> columns_of(store::ResultReader const& reader, bool all) {
  auto const sections = exported_sections(reader);
  std::vector<std::string> const usual = {"/sample_ids", "/distributions", "/labels",
                                          "/uncertainty/prediction", "/uncertainty/entropy"};
  std::vector<store::Section> chosen;
  for (auto const& path : usual) {
    if (auto const* const section = find_section(sections, path)) {
      chosen.push_back(*section);
    }
  }
  for (auto const& section : sections) {
    bool const is_usual = std::find(usual.begin(), usual.end(), section.path) != usual.end();
    if (all && !is_usual) {
      chosen.push_back(section);
    }
  }
  return chosen;
}

/// Appends the numbers of a row of one column.
void append_cells(Slice const& slice, std::size_t c, Column const& column, std::int64_t row,
                  Digits digits, Text& text) {
  auto const width = static_cast<std::size_t>(column.width());
  auto const begin = static_cast<std::size_t>(row) * width;
  auto* out = text.room(width * number_bytes + number_room);
  switch (column.type) {
  case ElementType::float32:
    out = write_list(out, slice.of<float>(c).subspan(begin, width), digits, ",");
    break;
  case ElementType::float64:
    out = write_list(out, slice.of<double>(c).subspan(begin, width), ",");
    break;
  default:
    for (std::size_t i = 0; i < width; ++i) {
      if (i > 0) {
        *out++ = ',';
      }
      out = std::to_chars(out, out + number_bytes, slice.of<std::int64_t>(c)[begin + i]).ptr;
    }
  }
  text.wrote(out);
}

} // namespace

std::vector<Part> csv_parts(store::ResultReader const& reader, ExportOptions const& options) {
  auto const classes = class_names(reader);
  Part part;
  for (auto const& section : columns_of(reader, options.all)) {
    for (auto const& title : titles(section, classes)) {
      part.before += part.before.empty() ? "" : ",";
      part.before += field(title);
    }
    part.columns.push_back(column_of(section, options.float32));
  }
  part.before += "\r\n";
  auto const digits = options.float32 ? Digits::float32 : Digits::float64;
  part.form = [columns = part.columns, digits](Slice const& slice, Text& text) {
    for (std::int64_t row = 0; row < slice.rows.size(); ++row) {
      for (std::size_t c = 0; c < columns.size(); ++c) {
        text.append(c > 0 && columns[c].width() > 0 ? "," : "");
        append_cells(slice, c, columns[c], row, digits, text);
      }
      text.append("\r\n");
    }
  };
  return {part};
}

} // namespace fod::json
