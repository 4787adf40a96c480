#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace fod {

/// Exit codes of `fod-generate`. `fod` uses 0, 1 (a file was found not to be valid) and 2.
enum class ExitCode : int {
  done = 0,    ///< everything asked for was done
  invalid = 1, ///< `fod verify`: the file is not valid
  usage = 2,   ///< bad usage or bad input, found before anything was written
  stopped = 3, ///< stopped by a signal, progress kept
  failed = 4,  ///< failed at run time, progress kept
};

/// The three parts of every message a user reads: `problem (why): what to do`.
struct Message {
  std::string problem;
  std::string why;
  std::string remedy;
};

/// Joins the parts of a message; parts that are empty are left out with their punctuation.
std::string to_string(Message const& message);

/// An error with the exit code it leads to. `what()` is the whole message in one line.
class Error : public std::runtime_error {
public:
  Error(ExitCode code, Message message);

  [[nodiscard]] ExitCode code() const { return code_; }
  [[nodiscard]] Message const& message() const { return message_; }

  /// The same error with `context` (a rank, a sample, a file) put before the problem.
  [[nodiscard]] Error within(std::string const& context) const;

private:
  ExitCode code_;
  Message message_;
};

/// Bad usage or bad input found before anything was written (exit code 2).
Error bad_input(std::string problem, std::string why = {}, std::string remedy = {});

/// A failure at run time, progress kept (exit code 4).
Error run_failure(std::string problem, std::string why = {}, std::string remedy = {});

/// Text of the current `errno`, thread-safe.
std::string errno_text();

/// The name among `candidates` nearest to `name` by edit distance, or empty if none is near.
std::string nearest_name(std::string const& name, std::vector<std::string> const& candidates);

} // namespace fod
