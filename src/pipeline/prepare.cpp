#include "prepare.hpp"

#include "batch.hpp"
#include "batch_size.hpp"
#include "earlier.hpp"
#include "load.hpp"
#include "posterior.hpp"
#include "settings.hpp"

#include "fod/analysis.hpp"
#include "fod/error.hpp"
#include "fod/event_recorder.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <sstream>

namespace fod {

namespace {

/// The user's own steps of --transform, loaded on this rank.
std::vector<HostStep> open_steps(Config const& config, Machine const& machine) {
  std::vector<HostStep> steps;
  for (auto const& own : parse_transforms(config.transforms).own) {
    steps.push_back({open_own_step(own.spec, machine), own.then});
  }
  return steps;
}

/// Settles what the flags left open, on data that is not empty.
ProbeResult settle(Prepared& job, Comm const& comm) {
  auto& config = job.config;
  auto& model = *job.model;
  if (job.inputs->dataset.size() == 0) {
    if (config.groups.list) {
      throw AgreedError(bad_input("--list-layers needs one sample", "the dataset is empty",
                                  "give data that the model takes"));
    }
    config.batch_size = std::max<std::int64_t>(1, config.batch_size);
    return {};
  }
  if (config.batch_size == 0) {
    auto const choice = find_batch_size(*job.inputs, model, job.machine, comm);
    config.batch_size = choice.size;
    job.facts.batch_evidence = choice.evidence;
  }
  auto const types = settle_input_types(config, *job.inputs, model, comm);
  if (config.groups.list) {
    comm.on_root([&] {
      job.listing = list_layers(config.groups, model) +
                    (config.shards ? "with --shards their groups are found by `fod merge`\n" : "");
    });
    return {};
  }
  if (!config.groups.layers.empty()) {
    comm.agree([&] {
      load_first_batch(config, *job.inputs, model);
      job.watch = std::make_unique<LayerWatch>(config.groups, job.machine,
                                               find_watched(config.groups, model), model);
    });
  }
  return probe(config, *job.inputs, model, types, job.watch.get(), comm, job.machine.device);
}

/// What a rank knows of its data, to be compared.
std::string outline(Inputs const& inputs) {
  auto text = std::to_string(inputs.dataset.source_size()) + " samples";
  for (auto const& field : inputs.dataset.fields()) {
    text +=
        ", " + field.name + " " + to_string(field.shape) + " " + std::string(name_of(field.type));
  }
  return text + (inputs.labels
                     ? ", labels with " + std::to_string(inputs.label_counts()) + " counts each"
                     : ", no labels");
}

/// Ranks open their data by themselves, and must find the same.
void require_same_inputs(Inputs const& inputs, Comm const& comm) {
  auto const all = comm.all_gather(outline(inputs));
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] != all[0]) {
      throw AgreedError(bad_input("rank " + std::to_string(rank) + " has other data than rank 0",
                                  all[rank] + " against " + all[0],
                                  "see that all ranks reach the same files, and that a dataset in "
                                  "Python does not depend on chance"));
    }
  }
}

/// `auto` compares even with odd blocks.
void require_halves(Plan const& plan) {
  std::array<std::int64_t, 2> samples{};
  for (auto block = plan.layout.blocks.begin; block < plan.layout.blocks.end; ++block) {
    samples[static_cast<std::size_t>(block % 2)] += plan.layout.grid.samples_of(block).size();
  }
  if (std::min(samples[0], samples[1]) < least_samples) {
    throw bad_input("--correlation-threshold auto needs two blocks of samples to compare",
                    "this job has " + counted(samples[0], "sample") + " in even blocks and " +
                        std::to_string(samples[1]) + " in odd ones",
                    "give a smaller --batch-size, more samples, or a number");
  }
}

void require_count(groups::Options const& options, GroupPlan const& plan) {
  for (auto const& watched : plan.layers) {
    if (options.group_count > watched.neurons) {
      throw bad_input("--n-groups asks for " + std::to_string(options.group_count) + " groups",
                      "layer " + watched.layer.name + " has " + counted(watched.neurons, "neuron"),
                      "ask for fewer, or leave that layer out");
    }
  }
}

/// What groups of neurons need.
void prepare_groups(Prepared& job) {
  if (job.config.groups.layers.empty()) {
    return;
  }
  auto const samples = job.plan.job_samples().size();
  bool const empty_part = samples == 0 && job.plan.layout.is_part(); // of a result to be merged
  if (samples < least_samples && !empty_part) {
    throw bad_input("groups of neurons need 3 samples at least",
                    "this job has " + counted(samples, "sample"),
                    "give more samples, or leave out --layers");
  }
  if (job.config.groups.auto_threshold && !empty_part) {
    require_halves(job.plan);
  }
  require_count(job.config.groups.options, job.plan.groups);
  require_memory(job.plan.groups, job.machine);
  if (job.config.groups.events()) {
    job.annotations =
        std::make_shared<Annotations>(job.config.groups, job.inputs->dataset.source_size());
  }
}

/// Shards that differ in a setting could not be merged: threads that follow from the cores of each
/// node, say. Better known before than after. Collective.
void require_fitting_shards(Prepared const& job, Comm const& comm) {
  std::string text;
  for (auto const& line : store::to_lines(job.facts.settings)) {
    text += line.starts_with(store::range_setting) ? "" : line + '\n';
  }
  auto const all = comm.all_gather(text);
  auto const settings = [&](std::size_t rank) {
    std::istringstream in(all[rank]);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
      lines.push_back(line);
    }
    return store::from_lines(lines);
  };
  auto const first = settings(0);
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] == all[0]) {
      continue;
    }
    if (auto const found = store::difference(first, settings(rank))) {
      throw AgreedError(bad_input("the shards of these ranks could not be merged",
                                  found->name + " is " + found->first + " on rank 0, and " +
                                      found->second + " on rank " + std::to_string(rank),
                                  "give all ranks the same, with a flag if it is one"));
    }
  }
}

void prepare_data(Prepared& job, store::Settings const& earlier, Comm const& comm) {
  auto& config = job.config;
  comm.agree([&] {
    job.inputs = std::make_unique<Inputs>(
        config, python_requirements(job.machine.device, job.machine.threads), job.given);
  });
  require_same_inputs(*job.inputs, comm);
  job.model = load_models(config, job.inputs.get(), job.machine, comm, job.facts, job.given);
  check_posterior(config, *job.model, comm);
  auto const found = settle(job, comm);
  if (config.groups.list) {
    return;
  }
  comm.agree([&] {
    job.plan = make_plan(config, *job.inputs, *job.model, found, job.watch.get(), comm);
    job.plan.under_way = batches_under_way(*job.model, job.watch.get());
    prepare_groups(job);
    if (config.shards) {
      job.plan.take_shard(comm.rank());
    }
    job.plan.steps = open_steps(config, job.machine);
    job.facts.settings = make_settings(job);
    if (config.verify.empty()) {
      compare_with(earlier, job);
    } else {
      job.verified = earlier;
    }
    if (job.found == store::Found::nothing && config.verify.empty() && !job.in_memory) {
      require_space(config, job.plan, job.machine);
    }
    if (!config.dry_run && config.distributions) {
      job.epilogue = std::make_unique<Epilogue>(job.machine.device, job.plan.epilogue_shape(),
                                                job.plan.steps, job.plan.under_way);
    }
  });
  if (config.shards) {
    require_fitting_shards(job, comm);
  }
}

void prepare_all(Prepared& job, Comm const& comm) {
  store::Settings earlier;
  job.out = job.config.shards ? store::shard_path(job.config.out, comm.rank(), comm.size())
                              : job.config.out;
  if (!job.config.data.empty() && !job.in_memory) {
    earlier = job.config.verify.empty() ? claim_output(job, comm) : read_verified(job, comm);
  }
  job.machine = find_machine(job.config, comm);
  if (comm.is_root() && !job.machine.warning.empty()) {
    std::cerr << "fod-generate: warning: " << job.machine.warning << std::endl;
  }
  comm.agree([&] {
    job.meta = parse_meta_request(job.config);
    parse_transforms(job.config.transforms); // refuses early
  });
  if (!job.config.data.empty()) {
    prepare_data(job, earlier, comm);
  } else {
    job.model = load_models(job.config, nullptr, job.machine, comm, job.facts, job.given);
    check_posterior(job.config, *job.model, comm);
  }
}

} // namespace

void prepare(Prepared& job, Comm const& comm) {
  try {
    prepare_all(job, comm);
  } catch (AgreedError const& error) {
    throw AgreedError(Error(ExitCode::usage, error.message()));
  }
}

} // namespace fod
