#include "earlier.hpp"

#include "settings.hpp"

#include "fod/error.hpp"

#include <iostream>
#include <sstream>

namespace fod {

namespace {

/// What can be refused before the model is loaded, on rank 0.
std::unique_ptr<store::OutputClaim> claim_outputs(Config const& config) {
  store::OutputPolicy const policy{config.overwrite, config.resume};
  std::unique_ptr<store::OutputClaim> claim;
  if (config.dry_run || config.groups.list) {
    if (!config.out.empty()) {
      store::check_output(config.out, policy);
    }
  } else {
    claim = std::make_unique<store::OutputClaim>(config.out, policy);
  }
  // Of a complete result the JSON form may be there as well.
  if (!config.json.empty() && (!claim || claim->found() != store::Found::result)) {
    store::check_output(config.json, {config.overwrite, false});
  }
  return claim;
}

std::vector<std::string> lines_of(std::string const& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

} // namespace

store::Settings claim_output(Prepared& job, Comm const& comm) {
  std::string told;
  comm.on_root([&] {
    job.claim = claim_outputs(job.config);
    told = "0";
    if (!job.claim) {
      return;
    }
    for (auto const& note : job.claim->notes()) {
      std::cerr << "fod-generate: " << note << std::endl;
    }
    auto const found = job.claim->found();
    told = std::to_string(static_cast<int>(found));
    if (found == store::Found::nothing) {
      return;
    }
    store::ResultReader const reader(
        found == store::Found::partial ? store::partial_path(job.config.out) : job.config.out);
    if (found == store::Found::result && !reader.complete()) {
      throw bad_input(job.config.out + " is not complete",
                      "it has the name of a result, but the attribute `complete` is not set",
                      "remove it, or choose another output");
    }
    told += reader.complete() ? "1" : "0";
    for (auto const& line : store::to_lines(store::read_settings(reader.file()))) {
      told += '\n' + line;
    }
  });
  auto const lines = lines_of(comm.broadcast(told));
  auto const& head = lines[0];
  job.found = static_cast<store::Found>(head[0] - '0');
  job.found_complete = head.size() > 1 && head[1] == '1';
  auto earlier = store::from_lines({lines.begin() + 1, lines.end()});
  comm.agree([&] { adopt(job.config, earlier); });
  return earlier;
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
  auto const lines = lines_of(comm.broadcast(told));
  job.config.batch_size = std::stoll(lines[0]); // rows depend on it
  auto earlier = store::from_lines({lines.begin() + 1, lines.end()});
  comm.agree([&] { adopt(job.config, earlier); });
  return earlier;
}

void compare_with(store::Settings const& earlier, Prepared& job) {
  if (job.found == store::Found::nothing) {
    return;
  }
  auto const path =
      job.found == store::Found::partial ? store::partial_path(job.config.out) : job.config.out;
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
