#pragma once

#include <cstdint>
#include <iterator>
#include <map>

/// Inside of the json module: which sample ids were seen.
namespace fod::json {

/// A set of ids as runs of neighbours, so that ids in order take no memory to speak of.
class IdSet {
public:
  /// Adds `id`, at most 2^63 - 2. False if it was there.
  bool insert(std::int64_t id) {
    auto const after = runs_.upper_bound(id);
    bool const has_before = after != runs_.begin();
    auto const before = has_before ? std::prev(after) : runs_.end();
    if (has_before && id < before->second) {
      return false;
    }
    bool const joins_before = has_before && before->second == id;
    bool const joins_after = after != runs_.end() && after->first == id + 1;
    auto const end = joins_after ? after->second : id + 1;
    if (joins_after) {
      runs_.erase(after);
    }
    if (joins_before) {
      before->second = end;
    } else {
      runs_.emplace(id, end);
    }
    return true;
  }

private:
  std::map<std::int64_t, std::int64_t> runs_; ///< begin and end of each
};

} // namespace fod::json
