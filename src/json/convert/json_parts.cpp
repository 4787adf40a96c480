#include "parts.hpp"

#include "fod/error.hpp"
#include "fod/json.hpp"

#include <charconv>

namespace fod::json {

namespace {

/// The metadata in the exact layout. A file written by another program may hold anything.
std::string meta_text(store::ResultReader const& reader) {
  try {
    return canonical(reader.meta());
  } catch (Error const& error) {
    throw error.within(reader.path() + ":/meta");
  }
}

/// "1, 2, 3"
char* write_list(char* out, std::span<std::int64_t const> values) {
  for (auto const value : values) {
    out = std::to_chars(out, out + number_bytes, value).ptr;
    *out++ = ',';
    *out++ = ' ';
  }
  return values.empty() ? out : out - 2;
}

/// Lays rows of one section out.
class RowForm {
public:
  RowForm(Column column, bool float32)
      : column_(std::move(column)), digits_(float32 ? Digits::float32 : Digits::float64) {}

  /// A row: `0.1`, `[0.1, 0.9]` or `[[0.1, 0.9], [0.2, 0.8]]`.
  void append(Slice const& slice, std::size_t column, std::int64_t row, Text& text) const {
    auto const width = column_.width();
    auto const begin = static_cast<std::size_t>(row * width);
    auto const depth = column_.row.size();
    auto const inner = depth == 0 ? 1 : column_.row.back();
    auto const lists = depth < 2 ? 1 : column_.row.front();
    text.append(depth == 2 ? "[" : "");
    for (std::int64_t list = 0; list < lists; ++list) {
      text.append(list > 0 ? ", " : "");
      text.append(depth > 0 ? "[" : "");
      append_numbers(slice, column, begin + static_cast<std::size_t>(list * inner),
                     static_cast<std::size_t>(inner), text);
      text.append(depth > 0 ? "]" : "");
    }
    text.append(depth == 2 ? "]" : "");
  }

private:
  void append_numbers(Slice const& slice, std::size_t column, std::size_t begin, std::size_t count,
                      Text& text) const {
    auto* const out = text.room(count * number_bytes + number_room);
    switch (column_.type) {
    case ElementType::float32:
      text.wrote(write_list(out, slice.of<float>(column).subspan(begin, count), digits_));
      break;
    case ElementType::float64:
      text.wrote(json::write_list(out, slice.of<double>(column).subspan(begin, count)));
      break;
    default:
      text.wrote(write_list(out, slice.of<std::int64_t>(column).subspan(begin, count)));
    }
  }

  Column column_;
  Digits digits_;
};

Column ids() {
  return {"/sample_ids", ElementType::int64, {}};
}

/// `{"0": [0.1, 0.9], "1": …}`
Part by_id(store::Section const& section, bool float32) {
  auto const column = column_of(section, float32);
  Part part;
  part.before = "{";
  part.columns = {ids(), column};
  part.form = [form = RowForm(column, float32)](Slice const& slice, Text& text) {
    for (std::int64_t row = 0; row < slice.rows.size(); ++row) {
      text.append(slice.rows.begin + row > 0 ? ", \"" : "\"");
      auto* const out = text.room(number_room);
      text.wrote(std::to_chars(out, out + number_room,
                               slice.of<std::int64_t>(0)[static_cast<std::size_t>(row)])
                     .ptr);
      text.append("\": ");
      form.append(slice, 1, row, text);
    }
  };
  part.after = "}";
  return part;
}

/// `[3, 1, …]`, in the order of the distributions
Part as_list(store::Section const& section, bool float32) {
  auto const column = column_of(section, float32);
  Part part;
  part.before = "[";
  part.columns = {column};
  part.form = [form = RowForm(column, float32)](Slice const& slice, Text& text) {
    for (std::int64_t row = 0; row < slice.rows.size(); ++row) {
      text.append(slice.rows.begin + row > 0 ? ", " : "");
      form.append(slice, 0, row, text);
    }
  };
  part.after = "]";
  return part;
}

std::string key(std::string const& name) {
  std::string text;
  append_string(text, name);
  return text + ": ";
}

/// Everything else that a row has: what is one number per sample as lists, uncertainties together.
void add_rest(std::vector<Part>& parts, std::vector<store::Section> const& sections,
              ExportOptions const& options) {
  std::string open; ///< the object that the last part is in
  for (auto const& section : sections) {
    if (section.path == "/distributions" || section.path == "/sample_ids") {
      continue;
    }
    auto const folder = section.path.substr(1, section.path.rfind('/') - 1);
    auto const inside = section.path.rfind('/') > 0 ? folder : std::string();
    auto part =
        section.row.empty() ? as_list(section, options.float32) : by_id(section, options.float32);
    std::string before = open.empty() || open == inside ? "" : "}";
    before += ", ";
    before += open == inside || inside.empty() ? "" : key(inside) + "{";
    part.before = before + key(short_name(section)) + part.before;
    open = inside;
    parts.push_back(std::move(part));
  }
  if (!options.groups.empty()) {
    parts.push_back(
        {(open.empty() ? ", " : "}, ") + key("groups") + canonical(options.groups), {}, {}, ""});
    open.clear();
  }
  if (!open.empty()) {
    parts.back().after += "}";
  }
}

} // namespace

std::vector<Part> json_parts(store::ResultReader const& reader, ExportOptions const& options) {
  auto const sections = exported_sections(reader);
  std::vector<Part> parts{by_id(*find_section(sections, "/distributions"), options.float32)};
  parts.front().before =
      "{\"meta\": " + meta_text(reader) + ", \"distributions\": " + parts.front().before;
  if (options.all) {
    add_rest(parts, sections, options);
  }
  parts.back().after += "}";
  return parts;
}

} // namespace fod::json
