#pragma once

#include <functional>
#include <string>
#include <vector>

namespace fod::store {

/// What may happen to what is there already.
struct OutputPolicy {
  bool overwrite = false; ///< it may be replaced
  bool resume = false;    ///< what an earlier job left may be gone on with
  /// True for a partial file that nobody would go on with, so that it may be replaced.
  std::function<bool(std::string const& partial)> disposable = {};
};

/// What is there under the name of an output.
enum class Found {
  nothing,
  partial, ///< with the progress of an earlier job, perhaps all of it
  result   ///< a complete one; only with `resume`, and not with `overwrite`
};

/// @throws Error (usage) if the folder of `path` is missing or not writable, or if `path` or its
///         partial file is there and the policy does not allow for it
void check_output(std::string const& path, OutputPolicy const& policy);

/// The exclusive right to write an output, held until it is destroyed. Taken by rank 0 alone.
class OutputClaim {
public:
  /// Also mends a partial file whose job ended while changing its metadata.
  /// @throws Error (usage) as `check_output`, or if another job is writing it
  OutputClaim(std::string const& path, OutputPolicy const& policy);
  OutputClaim(OutputClaim const&) = delete;
  OutputClaim& operator=(OutputClaim const&) = delete;
  ~OutputClaim();

  [[nodiscard]] Found found() const { return found_; }
  /// What a user should know of it: a job that died, a file that it could not finish creating.
  [[nodiscard]] std::vector<std::string> const& notes() const { return notes_; }

private:
  std::string lock_path_;
  int lock_ = -1;
  Found found_ = Found::nothing;
  std::vector<std::string> notes_;
};

} // namespace fod::store
