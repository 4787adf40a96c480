#include "fod/saved_sums.hpp"

#include "disk.hpp"
#include "plausible.hpp"

#include "fod/store.hpp"

#include <algorithm>
#include <charconv>
#include <unistd.h>
#include <utility>

namespace fod::store {

namespace {

constexpr char const* base_name = "base";

/// "moments-2-base.h5": a file of generation 2.
struct FileName {
  std::string kind;
  std::int64_t generation = -1;
  std::string part; ///< "base", or a rank
};

FileName parse(std::string const& name) {
  FileName parsed;
  auto const first = name.find('-');
  auto const second = name.find('-', first == std::string::npos ? first : first + 1);
  if (second == std::string::npos || !name.ends_with(".h5")) {
    return parsed;
  }
  auto const* end = name.data() + second;
  if (std::from_chars(name.data() + first + 1, end, parsed.generation).ptr != end) {
    return {};
  }
  parsed.kind = name.substr(0, first);
  parsed.part = name.substr(second + 1, name.size() - second - 4);
  return parsed;
}

BlockRuns read_runs(h5::File const& file) {
  auto const flat = read_all<std::int64_t>(file, "/blocks", "/blocks", ElementType::int64);
  require_sane(file, "/blocks", flat.size() % 2 == 0);
  BlockRuns runs;
  for (std::size_t i = 0; i < flat.size(); i += 2) {
    runs.push_back({flat[i], flat[i + 1]});
  }
  return runs;
}

} // namespace

BlockRuns runs_of(std::vector<std::int64_t> const& blocks) {
  BlockRuns runs;
  for (auto const block : blocks) {
    if (runs.empty() || runs.back().end != block) {
      runs.push_back({block, block});
    }
    ++runs.back().end;
  }
  return runs;
}

SavedSums::SavedSums(std::string const& path, std::string kind, std::string creation)
    : folder_(state_path(path)), kind_(std::move(kind)), creation_(std::move(creation)) {}

BlockRuns SavedSums::load(std::function<void(h5::File const&)> const& take) {
  std::vector<FileName> all;
  std::int64_t latest = 0; // generation 0 has no base; of later ones the base comes first
  for (auto const& name : files_in(folder_)) {
    if (auto const parsed = parse(name); parsed.kind == kind_) {
      all.push_back(parsed);
      latest = std::max(latest, parsed.generation);
    }
  }
  generation_ = latest;
  BlockRuns covered;
  for (auto const& name : all) {
    if (name.generation != latest) {
      continue;
    }
    try {
      auto const file = h5::File::open(path_of(name.part));
      if (file.attribute("/", "creation") != h5::Attribute(creation_)) {
        continue;
      }
      auto const runs = read_runs(file);
      take(file);
      covered.insert(covered.end(), runs.begin(), runs.end());
    } catch (Error const&) {
      continue; // its blocks are done again
    }
  }
  return covered;
}

void SavedSums::write_base(BlockRuns const& blocks, Body const& body) {
  ++generation_;
  write(base_name, blocks, body);
  for (auto const& name : files_in(folder_)) {
    if (auto const parsed = parse(name); parsed.kind == kind_ && parsed.generation < generation_) {
      ::unlink((folder_ + "/" + name).c_str());
    }
  }
}

std::string SavedSums::base_path() const {
  return generation_ == 0 ? std::string() : path_of(base_name);
}

void SavedSums::save(int rank, BlockRuns const& blocks, Body const& body) const {
  write(std::to_string(rank), blocks, body);
}

std::string SavedSums::path_of(std::string const& part) const {
  return folder_ + "/" + kind_ + "-" + std::to_string(generation_) + "-" + part + ".h5";
}

void SavedSums::write(std::string const& part, BlockRuns const& blocks, Body const& body) const {
  auto const path = path_of(part);
  auto const fresh = fresh_path(path);
  try {
    make_folder(folder_);
    auto file = h5::File::create(fresh);
    file.set_attribute("/", "creation", creation_);
    std::vector<std::int64_t> flat;
    for (auto const& run : blocks) {
      flat.insert(flat.end(), {run.begin, run.end});
    }
    file.create_dataset("/blocks", ElementType::int64, {std::ssize(flat)})
        .write({0, std::ssize(flat)}, ElementType::int64, flat.data());
    body(file);
    file.close();
    publish(fresh, path);
  } catch (Error const& error) {
    ::unlink(fresh.c_str()); // its room may be what is missing
    throw Error(ExitCode::failed, error.within("cannot save progress in " + path).message());
  }
}

} // namespace fod::store
