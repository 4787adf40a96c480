#pragma once

#include "fod/merge.hpp"
#include "fod/settings.hpp"

/// Inside of the merge module: the files that are joined.
namespace fod {

/// One of them, as far as it was looked at.
struct Part {
  std::string path;
  store::Layout layout;
  store::Settings settings; ///< but for --range
  std::string creation;

  [[nodiscard]] IndexRange samples() const { return layout.samples(); }
};

/// @throws Error (usage) that says how far the file's job got; `then` is what to do after it ended
void require_complete(store::ResultReader const& reader, std::string const& then);

/// @throws Error (usage) if an input is the output, or the file that becomes it
/// @param usage how the command is called
void refuse_as_output(std::string const& input, std::string const& out, std::string const& usage);

/// The files, in the order of their samples, those without any last. All are complete.
/// @throws Error (usage)
std::vector<Part> read_parts(std::vector<std::string> const& paths, std::string const& out);

/// @throws Error (usage) unless they are parts of one result, each sample in one of them
void require_one_whole(std::vector<Part> const& parts, bool allow_partial);

/// Layout of the file that they make together.
store::Layout joined_layout(std::vector<Part> const& parts);

} // namespace fod
