#include "earlier.hpp"

#include "settings.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <iostream>
#include <sstream>

namespace fod {

namespace {

/// Shards of a job on another number of ranks would be taken for parts of this one's result.
void refuse_other_shards(Prepared const& job, int ranks) {
  auto const others = store::other_shards(job.config.out, ranks);
  if (others.empty()) {
    return;
  }
  auto const count = others[0].substr(others[0].find("-of-") + 4, 5);
  auto const theirs = counted(std::stoll(count), "rank");
  throw bad_input(
      "shards of another number of ranks are there",
      others[0] +
          (others.size() > 1 ? ", and " + std::to_string(others.size() - 1) + " more files" : "") +
          "; this job has " + counted(ranks, "rank"),
      "start it on " + theirs +
          " with --resume to go on with them, remove them, or choose another --out");
}

/// What can be refused before the model is loaded, on a rank with a file to write.
std::unique_ptr<store::OutputClaim> claim_file(Prepared const& job, int ranks) {
  auto const& config = job.config;
  store::OutputPolicy const policy{config.overwrite, config.resume};
  std::unique_ptr<store::OutputClaim> claim;
  if (config.shards && !config.out.empty()) {
    refuse_other_shards(job, ranks);
  }
  if (config.dry_run || config.groups.list) {
    if (!config.out.empty()) {
      store::check_output(job.out, policy);
    }
  } else {
    claim = std::make_unique<store::OutputClaim>(job.out, policy);
  }
  // Of a complete result the JSON form may be there as well.
  if (!config.json.empty() && (!claim || claim->found() != store::Found::result)) {
    store::check_output(config.json, {config.overwrite, false});
  }
  return claim;
}

/// What a rank with a file to write finds: a digit for `Found`, one for whether it is complete, and
/// the lines of its settings.
std::string look_at(Prepared& job, int ranks) {
  job.claim = claim_file(job, ranks);
  if (!job.claim) {
    return "0";
  }
  for (auto const& note : job.claim->notes()) {
    std::cerr << "fod-generate: " << note << std::endl;
  }
  auto const found = job.claim->found();
  auto told = std::to_string(static_cast<int>(found));
  if (found == store::Found::nothing) {
    return told;
  }
  store::ResultReader const reader(found == store::Found::partial ? store::partial_path(job.out)
                                                                  : job.out);
  if (found == store::Found::result && !reader.complete()) {
    throw bad_input(job.out + " is not complete",
                    "it has the name of a result, but the attribute `complete` is not set",
                    "remove it, or choose another output");
  }
  told += reader.complete() ? "1" : "0";
  for (auto const& line : store::to_lines(store::read_settings(reader.file()))) {
    told += '\n' + line;
  }
  return told;
}

store::Settings settings_in(std::string const& told) {
  std::istringstream in(told);
  std::vector<std::string> lines;
  std::string line;
  std::getline(in, line); // what was found
  while (std::getline(in, line)) {
    lines.push_back(line);
  }
  return store::from_lines(lines);
}

} // namespace

store::Settings claim_output(Prepared& job, Comm const& comm) {
  std::string told;
  std::vector<std::string> all;
  if (job.config.shards) {
    comm.agree([&] { told = look_at(job, comm.size()); });
    all = comm.all_gather(told);
  } else {
    comm.on_root([&] { told = look_at(job, comm.size()); });
    told = comm.broadcast(told);
    all = {told};
  }
  job.found = static_cast<store::Found>(told[0] - '0');
  job.found_complete = told.size() > 1 && told[1] == '1';
  comm.agree([&] {
    for (auto const& of_rank : all) {
      adopt(job.config, settings_in(of_rank)); // of the first that was there
    }
  });
  return settings_in(told);
}

store::Settings read_verified(Prepared& job, Comm const& comm) {
  std::string told;
  comm.on_root([&] {
    store::ResultReader const reader(job.config.verify);
    if (!reader.complete()) {
      throw bad_input(job.config.verify + " is not complete", "its job did not end",
                      "finish it with --resume first");
    }
    told = std::to_string(reader.layout().grid.batch_size());
    for (auto const& line : store::to_lines(store::read_settings(reader.file()))) {
      told += '\n' + line;
    }
  });
  told = comm.broadcast(told);
  job.config.batch_size = std::stoll(told); // the first line: rows depend on it
  auto earlier = settings_in(told);
  comm.agree([&] { adopt(job.config, earlier); });
  return earlier;
}

void compare_with(store::Settings const& earlier, Prepared& job) {
  if (job.found == store::Found::nothing) {
    return;
  }
  auto const path = job.found == store::Found::partial ? store::partial_path(job.out) : job.out;
  auto const different = store::difference(earlier, job.facts.settings);
  if (!different) {
    return;
  }
  if (job.config.overwrite) {
    job.found = store::Found::nothing;
    return;
  }
  throw bad_input("cannot go on with " + path,
                  different->name + " was " + different->first + ", and is " + different->second,
                  "give the same model, data and flags, choose another output, or pass --overwrite "
                  "to start anew");
}

} // namespace fod
