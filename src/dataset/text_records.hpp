#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fod {

/// How a file of text holds its records.
struct TextFormat {
  char separator = ','; ///< of fields
  bool lines = false;   ///< a record is a line, and has one field, as it is
};

/// Where a record begins.
struct RecordPlace {
  std::size_t position = 0; ///< in bytes
  std::int64_t line = 1;    ///< counted from 1
};

/// Reads records of text one after another: RFC 4180, with line ends of either kind. A blank line
/// is a record of one empty field if that is the width, else it is skipped.
class TextRecords {
public:
  /// @param path for messages
  /// @param width of the first record; 0 if it is read first
  TextRecords(std::string_view text, TextFormat format, std::string path, std::size_t width = 0,
              RecordPlace place = {});

  /// Reads a record. @return false at the end
  /// @throws Error (usage) naming the line of a quote that does not end, of another number of
  ///         fields than the first record has, and of a byte 0
  bool next(std::vector<std::string>& fields);
  /// Goes on to where the next record begins, and tells it.
  RecordPlace place();
  /// Line where the last record began.
  [[nodiscard]] std::int64_t line() const { return line_; }
  [[nodiscard]] std::size_t width() const { return width_; }

private:
  [[nodiscard]] std::size_t line_end_at(std::size_t position) const;
  void skip_blank_lines();
  void read_line(std::string& field);
  void read_plain(std::string& field);
  void read_quoted(std::string& field);
  void check(std::vector<std::string> const& fields) const;

  std::string_view text_;
  TextFormat format_;
  std::string path_;
  std::size_t width_;
  RecordPlace next_;
  std::int64_t line_ = 0;
};

} // namespace fod
