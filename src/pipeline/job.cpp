#include "fod/pipeline.hpp"

#include "batch_size.hpp"
#include "generate.hpp"
#include "load.hpp"
#include "posterior.hpp"

#include "fod/convert.hpp"
#include "fod/error.hpp"
#include "fod/plugin.hpp"
#include "fod/text.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>

namespace fod {

namespace {

using Clock = std::chrono::steady_clock;

/// Seconds spent in each stage, one after the other.
class StageTimer {
public:
  void end_of(std::string const& stage) {
    auto const now = Clock::now();
    seconds_[stage] = std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }
  [[nodiscard]] std::map<std::string, double> const& seconds() const { return seconds_; }

private:
  Clock::time_point last_ = Clock::now();
  std::map<std::string, double> seconds_;
};

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

std::string decimal(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4f", value);
  return text.data();
}

void print_summary(Config const& config, Plan const& plan, Inputs const& inputs,
                   Machine const& machine, JobFacts const& facts, store::Metrics const& metrics,
                   std::vector<std::int64_t> const& unreadable) {
  std::cout << config.out << ": " << counted(plan.samples(), "sample") << ", "
            << counted(plan.layout.classes, "class") << ", by "
            << counted(std::ssize(plan.shards), "rank") << " on " << machine.device.label() << ", "
            << counted(machine.threads, "thread") << " each\n";
  for (auto const& [name, value] : metrics.values) {
    if ((name != "nonfinite_rows" && name != "unreadable_rows") || value > 0) {
      std::cout << "  " << name << " " << decimal(value) << "\n";
    }
  }
  for (auto const sample : unreadable) {
    std::cout << "  not readable, skipped: " << inputs.dataset.sample_name(sample) << "\n";
  }
  if (plan.layout.grid.samples() > 0) {
    std::cout << "  output read as " << plan.probe.mode_text() << " (" << plan.probe.evidence_text()
              << ")\n";
  }
  if (!facts.batch_evidence.empty()) {
    std::cout << "  batch size " << config.batch_size
              << ", found by samples per second: " << facts.batch_evidence << "\n";
  }
  for (auto const& conversion : conversions(inputs, plan.probe)) {
    std::cout << "  " << conversion << "\n";
  }
  for (auto const& note : inputs.dataset.notes()) {
    std::cout << "  " << note << "\n";
  }
  if (config.range && plan.layout.samples() != *config.range) {
    std::cout << "  --range was cut at block boundaries: samples " << plan.layout.samples().begin
              << ":" << plan.layout.samples().end << "\n";
  }
  auto const loop = facts.seconds.at("loop");
  auto const rate = loop > 0 ? static_cast<double>(plan.samples()) / loop : 0;
  std::cout << "  " << grouped(std::llround(rate)) << " samples/s over " << decimal(loop)
            << " s; start and probe " << decimal(facts.seconds.at("start")) << " s, proof and "
            << "finish " << decimal(facts.seconds.at("finish")) << " s\n"
            << "  peak anonymous memory " << byte_size(facts.peak_anonymous) << " per rank"
            << std::endl;
}

/// Writes the JSON form on rank 0, while the others wait.
void export_result(Config const& config, Comm const& comm) {
  comm.on_root([&] {
    if (!config.json.empty()) {
      export_json(store::ResultReader(config.out), config.json, {false, config.overwrite});
    }
  });
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

/// Every rank's micro-batch, if memory ran out on any.
std::vector<std::int64_t> micro_batches(Config const& config, LoopResult const& result,
                                        Comm const& comm) {
  std::vector<std::int64_t> all;
  bool any = false;
  for (auto const& text : comm.all_gather(std::to_string(result.micro_batch))) {
    all.push_back(std::stoll(text));
    any = any || all.back() < config.batch_size;
  }
  return any ? all : std::vector<std::int64_t>();
}

} // namespace

void run_job(Config const& asked, Comm const& comm) {
  StageTimer timer;
  JobFacts facts;
  auto config = asked;
  facts.started = comm.broadcast(utc_now());

  auto const machine = find_machine(config, comm);
  if (comm.is_root() && !machine.warning.empty()) {
    std::cerr << "fod-generate: warning: " << machine.warning << std::endl;
  }
  std::unique_ptr<store::OutputClaim> claim;
  MetaRequest meta;
  comm.agree([&] {
    meta = parse_meta_request(config);
    parse_transforms(config.transforms); // refuses early
  });
  if (config.data.empty()) {
    auto const model = load_models(config, nullptr, machine, comm, facts);
    write_posterior(config, *model, comm);
    return;
  }
  comm.on_root([&] { claim = claim_outputs(config); });
  std::unique_ptr<Inputs> inputs;
  comm.agree([&] {
    inputs = std::make_unique<Inputs>(config, python_requirements(machine.device, machine.threads));
  });
  auto const model = load_models(config, inputs.get(), machine, comm, facts);
  if (!config.posterior.empty() && !config.dry_run) {
    write_posterior(config, *model, comm);
  }
  auto const found = settle(config, *inputs, *model, machine, comm, facts);
  Plan plan;
  comm.agree([&] {
    plan = make_plan(config, *inputs, *model, found, comm);
    plan.steps = open_steps(config, machine);
    require_space(config, plan);
  });
  if (config.dry_run) {
    if (comm.is_root()) {
      std::cout << describe(config, plan, *inputs, machine) << std::flush;
    }
    return;
  }

  auto writer = store::ResultWriter::create(
      config.out, plan.layout,
      make_contents(config, meta, plan, *inputs, machine, facts, store::Metrics()), comm);
  timer.end_of("start");
  auto result = generate(config, plan, *inputs, *model, machine, writer, comm);
  timer.end_of("loop");

  result.totals.reduce(comm, machine);
  require_finite(config, result, writer, comm);
  auto const unreadable = first_named(result.unreadable, comm);
  auto const metrics = result.totals.metrics();
  facts.data_hash = checksum_text(result.totals.input_digest());
  facts.micro_batches = micro_batches(config, result, comm);
  facts.peak_anonymous =
      static_cast<std::int64_t>(comm.all_max(static_cast<double>(result.peak_anonymous)));
  facts.seconds = timer.seconds();
  writer.finish(make_contents(config, meta, plan, *inputs, machine, facts, metrics), metrics);
  export_result(config, comm);
  timer.end_of("finish");
  facts.seconds = timer.seconds();
  if (comm.is_root()) {
    print_summary(config, plan, *inputs, machine, facts, metrics, unreadable);
  }
}

} // namespace fod
