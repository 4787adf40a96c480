#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fod::json {

/// What a scanner meets. Commas and colons are checked and not reported.
enum class Token {
  begin_object,
  end_object,
  begin_array,
  end_array,
  key,
  string,
  number, ///< also NaN, Infinity and -Infinity
  boolean,
  null,
  end, ///< of the text
};

/// Where something starts, counted from 1; columns in characters.
struct Position {
  std::int64_t line = 1;
  std::int64_t column = 1;
};
/// "line 1, column 5"
std::string to_string(Position position);

/// Reads JSON token by token in constant memory: at most the longest string or number is held.
/// Strict but for bare NaN, Infinity and -Infinity. Every fault is an `Error` (usage) that names
/// line and column.
class Scanner {
public:
  /// @param name what messages call the text
  static Scanner of_text(std::string_view text, std::string name = "the JSON text");
  /// @throws Error (usage) if the file cannot be opened
  static Scanner of_file(std::string const& path);

  /// Deepest nesting, about what Python's reader takes.
  static constexpr std::size_t deepest = 1000;

  Token next();
  /// Of a key or string: decoded. Of anything else that is no bracket: as it is written. Valid
  /// until the next call of `next`.
  [[nodiscard]] std::string_view text() const { return text_; }
  /// Where the last token starts.
  [[nodiscard]] Position where() const { return start_; }
  [[nodiscard]] std::string const& name() const { return name_; }
  /// A place in the text, from which another may read on.
  struct Place {
    std::int64_t offset = 0; ///< of the next byte
    std::int64_t line = 1;
    std::int64_t line_start = 0; ///< offset at which column 1 of the line would be
  };
  [[nodiscard]] Place place() const { return {offset_ + (next_ - begin_), line_, line_start_}; }
  /// Goes on at a place further on in the file, where the same brackets are open.
  void go_on_at(Place const& place);
  /// Number of open brackets.
  [[nodiscard]] std::size_t depth() const { return open_.size(); }
  /// Reads on to the end of the value whose first token was `first`.
  void skip(Token first);
  /// Throws an error about what is at `where()`.
  [[noreturn]] void refuse(std::string const& why, std::string const& remedy = {}) const;

private:
  enum class State { first_key, key, first_value, value, after_value, done };
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  Scanner(std::string name, std::unique_ptr<std::FILE, Close> file, std::string_view text);

  [[nodiscard]] bool refill();
  /// The next byte, -1 at the end.
  [[nodiscard]] int peek();
  void advance() { ++next_; }
  [[nodiscard]] Position here() const;
  [[noreturn]] void unexpected(std::string const& expected);
  void refuse_encodings();
  void skip_space();
  /// Appends bytes to `text_` as long as `wanted(byte)`.
  template <class Wanted>
  void take_while(Wanted wanted);

  [[nodiscard]] bool in_object() const { return open_.back() == '{'; }
  [[nodiscard]] bool may_close(int bracket) const;
  Token open(char bracket);
  Token close();
  Token scalar(Token token);
  Token scan_key();
  Token scan_value();
  Token scan_number();
  Token scan_word();
  void scan_string();
  void scan_escape();
  [[nodiscard]] unsigned scan_hex();
  void scan_unicode_escape();
  void scan_multibyte();

  std::string name_;
  std::unique_ptr<std::FILE, Close> file_; ///< empty: the text is in memory
  std::vector<char> buffer_;
  char const* begin_; ///< of what is at hand
  char const* next_;
  char const* end_;
  std::int64_t offset_ = 0; ///< of `begin_` in the text
  std::int64_t line_ = 1;
  std::int64_t line_start_ = 0; ///< offset at which column 1 of the line would be
  State state_ = State::value;
  std::string open_; ///< brackets, innermost last
  std::string text_;
  Position start_;
};

} // namespace fod::json
