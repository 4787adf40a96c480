#include "prepare.hpp"

#include "batch_size.hpp"
#include "load.hpp"
#include "posterior.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <iostream>

namespace fod {

namespace {

/// What can be refused before the model is loaded, on rank 0.
std::unique_ptr<store::OutputClaim> claim_outputs(Config const& config) {
  if (!config.json.empty()) {
    store::check_output(config.json, config.overwrite);
  }
  if (config.dry_run) {
    store::check_output(config.out, config.overwrite);
    return nullptr;
  }
  return std::make_unique<store::OutputClaim>(config.out, config.overwrite);
}

/// The user's own steps of --transform, loaded on this rank.
std::vector<HostStep> open_steps(Config const& config, Machine const& machine) {
  std::vector<HostStep> steps;
  for (auto const& own : parse_transforms(config.transforms).own) {
    steps.push_back({open_own_step(own.spec, machine), own.then});
  }
  return steps;
}

/// Settles what the flags left open, on data that is not empty.
ProbeResult settle(Config& config, Inputs const& inputs, Model& model, Machine const& machine,
                   Comm const& comm, JobFacts& facts) {
  if (config.batch_size == 0) {
    if (inputs.dataset.size() == 0) {
      config.batch_size = 1;
      return {};
    }
    auto const choice = find_batch_size(inputs, model, machine, comm);
    config.batch_size = choice.size;
    facts.batch_evidence = choice.evidence;
  }
  return inputs.dataset.size() == 0 ? ProbeResult{}
                                    : probe(config, inputs, model, comm, machine.device);
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

void prepare_data(Prepared& job, Comm const& comm) {
  auto& config = job.config;
  comm.on_root([&] { job.claim = claim_outputs(config); });
  comm.agree([&] {
    job.inputs = std::make_unique<Inputs>(
        config, python_requirements(job.machine.device, job.machine.threads));
  });
  require_same_inputs(*job.inputs, comm);
  job.model = load_models(config, job.inputs.get(), job.machine, comm, job.facts);
  check_posterior(config, *job.model, comm);
  auto const found = settle(config, *job.inputs, *job.model, job.machine, comm, job.facts);
  comm.agree([&] {
    job.plan = make_plan(config, *job.inputs, *job.model, found, comm);
    job.plan.steps = open_steps(config, job.machine);
    require_space(config, job.plan);
    if (!config.dry_run) {
      job.epilogue = std::make_unique<Epilogue>(
          job.machine.device,
          EpilogueShape{config.batch_size, std::max<std::int64_t>(1, job.plan.layout.classes),
                        job.plan.weights, config.keep_logits},
          job.plan.steps);
    }
  });
}

void prepare_all(Prepared& job, Comm const& comm) {
  job.machine = find_machine(job.config, comm);
  if (comm.is_root() && !job.machine.warning.empty()) {
    std::cerr << "fod-generate: warning: " << job.machine.warning << std::endl;
  }
  comm.agree([&] {
    job.meta = parse_meta_request(job.config);
    parse_transforms(job.config.transforms); // refuses early
  });
  if (!job.config.data.empty()) {
    prepare_data(job, comm);
  } else {
    job.model = load_models(job.config, nullptr, job.machine, comm, job.facts);
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
