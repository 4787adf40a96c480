#include "fod/convert.hpp"

#include "fod/error.hpp"
#include "fod/json.hpp"
#include "output.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <type_traits>

namespace fod {

namespace {

constexpr std::int64_t piece_bytes = std::int64_t{4} << 20;

void refuse_partial(store::ResultReader const& reader) {
  if (!reader.complete()) {
    throw bad_input(reader.path() + " is not complete", "the job that writes it has not finished",
                    "let it finish, or run it again with --resume, then export its result");
  }
}

/// Rows are read into room for what the file says of itself, which a damaged one may contradict.
void refuse_contradiction(store::ResultReader const& reader) {
  if (!reader.layout().distributions) {
    throw bad_input(reader.path() + " holds no distributions",
                    "it was made with --no-distributions, for groups alone",
                    "read its groups by `fod groups`, or run the job without that flag");
  }
  auto const shape = reader.file().dataset("/distributions").shape();
  if (shape != Shape{reader.rows(), reader.classes()}) {
    throw bad_input(reader.path() + " is damaged",
                    "/distributions has shape " + to_string(shape) + " where " +
                        to_string(Shape{reader.rows(), reader.classes()}) + " is on record",
                    "make it again, or restore it from a backup");
  }
}

/// The metadata in the exact layout. A file written by another program may hold anything.
std::string meta_text(store::ResultReader const& reader) {
  try {
    return json::canonical(reader.meta());
  } catch (Error const& error) {
    throw error.within(reader.path() + ":/meta");
  }
}

/// Appends `"7": [0.1, 0.9]`.
template <class Value>
void append_row(std::string& text, std::int64_t id, Value const* values, std::int64_t classes) {
  text += '"';
  text += std::to_string(id);
  text += "\": [";
  for (std::int64_t k = 0; k < classes; ++k) {
    if (k > 0) {
      text += ", ";
    }
    json::append_number(text, values[k]);
  }
  text += ']';
}

/// Streams all rows, each value as a `Value`.
template <class Value>
void append_rows(store::ResultReader const& reader, json::Output& output) {
  auto const type = std::is_same_v<Value, float> ? ElementType::float32 : ElementType::float64;
  auto const classes = reader.classes();
  auto const row_bytes = std::max<std::int64_t>(1, classes) * std::int64_t{sizeof(Value)};
  auto const step = std::max<std::int64_t>(1, piece_bytes / row_bytes);
  std::vector<std::int64_t> ids;
  std::vector<Value> values;
  for (std::int64_t begin = 0; begin < reader.rows(); begin += step) {
    IndexRange const rows{begin, std::min(reader.rows(), begin + step)};
    ids.resize(static_cast<std::size_t>(rows.size()));
    values.resize(ids.size() * static_cast<std::size_t>(classes));
    reader.read("/sample_ids", rows, ElementType::int64, ids.data());
    reader.read("/distributions", rows, type, values.data());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      output.text() += begin > 0 || i > 0 ? ", " : "";
      append_row(output.text(), ids[i], values.data() + i * static_cast<std::size_t>(classes),
                 classes);
      output.drain();
    }
  }
}

} // namespace

ExportSummary export_json(store::ResultReader const& reader, std::string const& out_path,
                          ExportOptions options) {
  refuse_partial(reader);
  refuse_contradiction(reader);
  auto const meta = meta_text(reader);
  json::Output output(out_path, options.overwrite);
  output.text() += "{\"meta\": " + meta + ", \"distributions\": {";
  if (options.float32) {
    append_rows<float>(reader, output);
  } else {
    append_rows<double>(reader, output);
  }
  output.text() += "}}";
  return {reader.rows(), reader.classes(), output.commit()};
}

} // namespace fod
