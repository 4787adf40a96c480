#include "text_table.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace fod {

namespace {

constexpr std::int64_t stride = 1024;
constexpr std::array<std::string_view, 3> id_names{"id", "sample_id", "index"};
/// Names by which a header is known, besides those of ids.
constexpr std::array<std::string_view, 16> usual_names{
    "category", "categories", "class", "label",    "labels",         "loss", "losses", "prompt",
    "question", "sample",     "skill", "sentence", "skill_category", "text", "texts",  "value"};

bool is_one_of(std::string name, std::span<std::string_view const> names) {
  for (auto& c : name) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_id(std::string const& name) {
  return is_one_of(name, id_names);
}

std::size_t find_column(std::string const& path, std::vector<std::string> const& names,
                        std::string const& name) {
  auto const found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    auto const nearest = nearest_name(name, names);
    throw bad_input(path + " has no column '" + name + "'",
                    nearest.empty() ? "its first line has " + joined(names)
                                    : "did you mean " + nearest + "?",
                    "write " + path + ":" + (nearest.empty() ? names.back() : nearest));
  }
  return static_cast<std::size_t>(found - names.begin());
}

} // namespace

TextTable::TextTable(MappedFile file, TextFormat format, TableRequest const& request)
    : file_(std::move(file)), format_(format) {
  TextRecords records(text(), format_, file_.path());
  std::vector<std::string> fields;
  std::vector<std::string> first;
  for (auto place = records.place(); records.next(fields); place = records.place()) {
    if (records_ % stride == 0) {
      places_.push_back(place);
    }
    if (records_++ == 0) {
      first = fields;
      width_ = fields.size();
      choose_column(first, request);
    } else {
      check_record(fields, records.line(), request);
    }
  }
  header_ = header_ || (!format_.lines && records_ == request.samples + 1);
  if (!header_ && records_ > 0) {
    check_record(first, 1, request);
  }
}

std::string_view TextTable::text() const {
  auto const bytes = file_.bytes();
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

void TextTable::choose_column(std::vector<std::string> const& first, TableRequest const& request) {
  if (!request.column.empty()) {
    column_ = find_column(file_.path(), first, request.column);
  } else {
    auto const last = std::find_if_not(first.rbegin(), first.rend(), is_id);
    column_ = last == first.rend() ? 0 : static_cast<std::size_t>(first.rend() - last) - 1;
  }
  auto const id =
      static_cast<std::size_t>(std::find_if(first.begin(), first.end(), is_id) - first.begin());
  bool const usual = std::any_of(first.begin(), first.end(), [](std::string const& name) {
    return is_id(name) || is_one_of(name, usual_names);
  });
  header_ = !format_.lines && (!request.column.empty() || usual);
  if (!header_ && !format_.lines) {
    try {
      request.check(first[column_]);
    } catch (Error const&) {
      header_ = true;
    }
  }
  id_column_ = header_ ? id : width_;
}

void TextTable::check_record(std::vector<std::string> const& fields, std::int64_t line,
                             TableRequest const& request) const {
  auto const where = [&] { return file_.path() + ", line " + std::to_string(line); };
  auto const sample = std::to_string(records_ - 2); // after the header and this record
  if (id_column_ < width_ && fields[id_column_] != sample) {
    throw bad_input(where() + ": the id is " + fields[id_column_] + " instead of " + sample,
                    "entries belong to the samples 0, 1, 2, ... in order",
                    "sort the lines, and give one for each sample");
  }
  try {
    request.check(fields[column_]);
  } catch (Error const& error) {
    throw error.within(where());
  }
}

std::vector<std::string> TextTable::read(IndexRange samples) const {
  auto const begin = samples.begin + (header_ ? 1 : 0);
  std::vector<std::string> entries;
  std::vector<std::string> fields;
  if (samples.empty()) {
    return entries;
  }
  auto const nearest = begin / stride;
  TextRecords records(text(), format_, file_.path(), width_,
                      places_[static_cast<std::size_t>(nearest)]);
  for (auto record = nearest * stride; record < begin; ++record) {
    (void)records.next(fields);
  }
  while (std::ssize(entries) < samples.size() && records.next(fields)) {
    entries.push_back(std::move(fields[column_]));
  }
  if (std::ssize(entries) < samples.size()) {
    throw run_failure("cannot read " + file_.path(), "it became shorter while it was read");
  }
  return entries;
}

} // namespace fod
