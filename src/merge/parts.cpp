#include "parts.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

namespace fod {

namespace {

namespace fs = std::filesystem;

bool same_path(std::string const& a, std::string const& b) {
  std::error_code ignored;
  return fs::equivalent(a, b, ignored) ||
         fs::path(a).lexically_normal() == fs::path(b).lexically_normal();
}

Part read_part(std::string const& path) {
  auto const reader = store::open_result(path);
  require_complete(reader, "merge");
  Part part{path, reader.layout(), store::read_settings(reader.file()), reader.creation()};
  if (part.settings.empty() || part.layout.explicit_ids) {
    throw bad_input(path + " does not say how it was made",
                    "it was imported, or made from results, instead of by fod-generate",
                    "give files of `fod-generate --shards` or `--range`");
  }
  std::erase_if(part.settings,
                [](auto const& setting) { return setting.first == store::range_setting; });
  return part;
}

/// "shard 1 of 3", or nothing.
std::string shard_text(store::Layout const& layout) {
  return "shard " + std::to_string(layout.shard) + " of " + std::to_string(layout.shards);
}

void refuse_twice(std::vector<Part> const& parts) {
  std::map<std::string, std::string> paths; // by creation
  for (auto const& part : parts) {
    auto const [there, is_new] = paths.emplace(part.creation, part.path);
    if (!is_new) {
      throw bad_input(there->second + " and " + part.path + " are the same file",
                      part.layout.is_shard() ? "both are " + shard_text(part.layout) + " of one job"
                                             : "or copies of one: both hold samples " +
                                                   store::range_text(part.samples()),
                      "give each file once");
    }
  }
}

void require_same_job(Part const& first, Part const& other) {
  auto const refuse = [&](std::string const& why) {
    throw bad_input(first.path + " and " + other.path + " are not parts of one result", why,
                    "merge files that were made with the same model, data and flags");
  };
  if (auto const found = store::difference(first.settings, other.settings)) {
    refuse(found->name + " is " + found->first + " in " + first.path + ", and " + found->second +
           " in " + other.path);
  }
  auto const paths = [](Part const& part) {
    std::string text = std::to_string(part.layout.grid.samples()) + " samples in batches of " +
                       std::to_string(part.layout.grid.batch_size());
    for (auto const& section : store::sections(part.layout)) {
      text += ", " + section.path + " " + std::string(name_of(section.type)) + " " +
              to_string(section.row);
    }
    return text;
  };
  if (paths(first) != paths(other)) {
    refuse("one has " + paths(first) + "; the other " + paths(other));
  }
}

/// Files whose samples follow one another, up to where that ends.
struct Coverage {
  IndexRange samples;
  std::vector<IndexRange> gaps; ///< between files
};

Coverage coverage_of(std::vector<Part> const& parts) {
  Coverage all;
  Part const* last = nullptr; // the one that reaches furthest
  for (auto const& part : parts) {
    auto const samples = part.samples();
    if (samples.empty()) {
      continue;
    }
    if (last != nullptr && samples.begin < all.samples.end) {
      IndexRange const both{samples.begin, std::min(samples.end, all.samples.end)};
      throw bad_input(last->path + " and " + part.path + " overlap",
                      "both hold samples " + store::range_text(both),
                      "leave one of them out, or make ranges that do not meet");
    }
    if (last == nullptr) {
      all.samples.begin = samples.begin;
    } else if (samples.begin > all.samples.end) {
      all.gaps.push_back({all.samples.end, samples.begin});
    }
    all.samples.end = samples.end;
    last = &part;
  }
  return all;
}

/// Where all files are shards of one number, those that are not there: "; shard 1 of 3 was not
/// given".
std::string missing_shards(std::vector<Part> const& parts) {
  auto const shards = parts[0].layout.shards;
  std::vector<std::uint8_t> there(static_cast<std::size_t>(shards));
  for (auto const& part : parts) {
    if (part.layout.shards != shards || shards == 0) {
      return {};
    }
    there[static_cast<std::size_t>(part.layout.shard)] = 1;
  }
  std::vector<std::string> missing;
  for (std::size_t shard = 0; shard < there.size(); ++shard) {
    if (there[shard] == 0) {
      missing.push_back(std::to_string(shard));
    }
  }
  if (missing.empty()) {
    return {};
  }
  constexpr std::size_t most_named = 10;
  auto const more = missing.size() > most_named;
  auto const many = missing.size() > 1;
  missing.resize(std::min(missing.size(), most_named));
  return std::string("; ") + (many ? "shards " : "shard ") + fod::joined(missing) +
         (more ? ", …" : "") + " of " + std::to_string(shards) +
         (many ? " were not given" : " was not given");
}

} // namespace

void require_complete(store::ResultReader const& reader, std::string const& then) {
  if (reader.complete()) {
    return;
  }
  auto const blocks = reader.layout().blocks.size();
  std::vector<std::uint8_t> done(static_cast<std::size_t>(blocks));
  auto const marks = reader.file().dataset("/ledger/done");
  if (marks.shape() == Shape{blocks}) {
    marks.read({0, blocks}, ElementType::uint8, done.data());
  }
  throw bad_input(reader.path() + " is not complete",
                  std::to_string(std::count(done.begin(), done.end(), std::uint8_t{1})) + " of " +
                      counted(blocks, "block") + " are done",
                  "run its job again with --resume, then " + then);
}

void refuse_as_output(std::string const& input, std::string const& out, std::string const& usage) {
  if (same_path(input, out) || same_path(input, store::partial_path(out))) {
    throw bad_input(input + " is both an input and the output",
                    "it would be replaced while it is read",
                    "name another output: `" + usage + "`");
  }
}

std::vector<Part> read_parts(std::vector<std::string> const& paths, std::string const& out) {
  if (paths.empty()) {
    throw bad_input("there is nothing to merge", "no file was given after " + out,
                    "write `fod merge R.h5 R.*-of-*.h5`");
  }
  std::vector<Part> parts;
  for (auto const& path : paths) {
    refuse_as_output(path, out, "fod merge OUT.h5 IN.h5…");
    parts.push_back(read_part(path));
  }
  refuse_twice(parts);
  std::sort(parts.begin(), parts.end(), [](Part const& a, Part const& b) {
    auto const key = [](Part const& part) {
      return std::tuple(part.samples().empty(), part.samples().begin, part.samples().end,
                        part.layout.shard, part.path);
    };
    return key(a) < key(b);
  });
  return parts;
}

void require_one_whole(std::vector<Part> const& parts, bool allow_partial) {
  for (auto const& part : parts) {
    require_same_job(parts[0], part);
  }
  auto const coverage = coverage_of(parts);
  auto const whole = parts[0].layout.grid.samples();
  auto missing = coverage.gaps;
  bool const inside = !missing.empty();
  if (coverage.samples.begin > 0) {
    missing.insert(missing.begin(), {0, coverage.samples.begin});
  }
  if (coverage.samples.end < whole) {
    missing.push_back({coverage.samples.end, whole});
  }
  if (missing.empty() || (allow_partial && !inside)) {
    return;
  }
  std::string ranges;
  for (auto const& gap : missing) {
    ranges += (ranges.empty() ? "" : ", ") + store::range_text(gap);
  }
  throw bad_input("samples " + ranges + " are missing",
                  "none of the files holds them" + missing_shards(parts),
                  inside ? "give the files that hold them too"
                         : "give the files that hold them too, or pass --allow-partial for a file "
                           "without them");
}

store::Layout joined_layout(std::vector<Part> const& parts) {
  auto layout = parts[0].layout;
  for (auto const& part : parts) {
    if (!part.samples().empty()) {
      layout.blocks.end = part.layout.blocks.end;
    }
  }
  layout.shard = 0;
  layout.shards = 0;
  return layout;
}

} // namespace fod
