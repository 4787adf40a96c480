#include "text_records.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <utility>

namespace fod {

TextRecords::TextRecords(std::string_view text, TextFormat format, std::string path,
                         std::size_t width, RecordPlace place)
    : text_(text), format_(format), path_(std::move(path)), width_(width), next_(place) {
  constexpr std::string_view mark = "\xef\xbb\xbf"; // of UTF-8, as Excel writes it
  if (next_.position == 0 && text_.starts_with(mark)) {
    next_.position = mark.size();
  }
}

/// Length of the line end at a place; 0 if there is none.
std::size_t TextRecords::line_end_at(std::size_t position) const {
  auto const rest = text_.substr(position, 2);
  return rest == "\r\n" ? 2 : rest.starts_with('\n') ? 1 : 0;
}

void TextRecords::skip_blank_lines() {
  while (width_ > 1 && next_.position < text_.size() && line_end_at(next_.position) > 0) {
    next_.position += line_end_at(next_.position);
    ++next_.line;
  }
}

RecordPlace TextRecords::place() {
  skip_blank_lines();
  return next_;
}

bool TextRecords::next(std::vector<std::string>& fields) {
  skip_blank_lines();
  if (next_.position >= text_.size()) {
    return false;
  }
  line_ = next_.line;
  fields.clear();
  for (bool more = true; more;) {
    auto& field = fields.emplace_back();
    if (format_.lines) {
      read_line(field);
    } else if (text_.substr(next_.position).starts_with('"')) {
      read_quoted(field);
    } else {
      read_plain(field);
    }
    more = !format_.lines && text_.substr(next_.position).starts_with(format_.separator);
    next_.position += more ? 1 : 0;
  }
  if (next_.position < text_.size()) {
    next_.position += line_end_at(next_.position);
    ++next_.line;
  }
  width_ = width_ == 0 ? fields.size() : width_;
  check(fields);
  return true;
}

void TextRecords::read_line(std::string& field) {
  auto const end = std::min(text_.find('\n', next_.position), text_.size());
  field = text_.substr(next_.position, end - next_.position);
  bool const feed = end < text_.size() && field.ends_with('\r');
  field.resize(field.size() - (feed ? 1 : 0));
  next_.position = end - (feed ? 1 : 0);
}

void TextRecords::read_plain(std::string& field) {
  auto const begin = next_.position;
  auto& at = next_.position;
  while (at < text_.size() && text_[at] != format_.separator && line_end_at(at) == 0) {
    ++at;
  }
  field = text_.substr(begin, at - begin);
}

void TextRecords::read_quoted(std::string& field) {
  auto& at = next_.position;
  for (++at;; ++at) {
    if (at >= text_.size()) {
      throw bad_input(path_ + ", line " + std::to_string(line_) + ": a quoted field does not end",
                      "the file ends before its closing quote",
                      "close it; a quote inside of a quoted field is written twice");
    }
    if (text_[at] != '"') {
      next_.line += text_[at] == '\n' ? 1 : 0;
    } else if (text_.substr(at + 1).starts_with('"')) {
      ++at;
    } else {
      break;
    }
    field += text_[at];
  }
  ++at;
  if (at < text_.size() && text_[at] != format_.separator && line_end_at(at) == 0) {
    throw bad_input(path_ + ", line " + std::to_string(next_.line) +
                        ": a quoted field goes on after its closing quote",
                    "", "write a quote inside of a quoted field twice");
  }
}

void TextRecords::check(std::vector<std::string> const& fields) const {
  auto const where = path_ + ", line " + std::to_string(line_);
  if (fields.size() != width_) {
    throw bad_input(where + ": " + counted(std::ssize(fields), "field"),
                    "the first line has " + std::to_string(width_),
                    "quote fields that hold a separator or a line break");
  }
  for (auto const& field : fields) {
    if (field.find('\0') != std::string::npos) {
      throw bad_input(where + ": a byte 0", "the file is no text, or UTF-16",
                      "save it as text in UTF-8");
    }
  }
}

} // namespace fod
