#include "fod/error.hpp"

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <system_error>
#include <utility>

namespace fod {

std::string to_string(Message const& message) {
  std::string text = message.problem;
  if (!message.why.empty()) {
    text += " (" + message.why + ")";
  }
  if (!message.remedy.empty()) {
    text += ": " + message.remedy;
  }
  return text;
}

Error::Error(ExitCode code, Message message)
    : std::runtime_error(to_string(message)), code_(code), message_(std::move(message)) {}

Error Error::within(std::string const& context) const {
  Message inner = message_;
  inner.problem = context + ": " + inner.problem;
  return Error(code_, std::move(inner));
}

Error bad_input(std::string problem, std::string why, std::string remedy) {
  return Error(ExitCode::usage, {std::move(problem), std::move(why), std::move(remedy)});
}

Error run_failure(std::string problem, std::string why, std::string remedy) {
  return Error(ExitCode::failed, {std::move(problem), std::move(why), std::move(remedy)});
}

std::string errno_text() {
  return std::generic_category().message(errno);
}

namespace {

/// Levenshtein distance, one row of the table at a time.
std::size_t edit_distance(std::string const& a, std::string const& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      std::size_t const substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

} // namespace

std::string nearest_name(std::string const& name, std::vector<std::string> const& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (auto const& candidate : candidates) {
    if (auto const distance = edit_distance(name, candidate); distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

} // namespace fod
