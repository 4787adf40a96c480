#include "fod/pipeline.hpp"

#include "generate.hpp"
#include "meta.hpp"

#include "fod/convert.hpp"
#include "fod/error.hpp"
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

/// Checksum of what the model is: the file's content; of one without a file its name and
/// parameters.
std::string model_hash(ModelSource const& source, Model const& model) {
  if (is_model_file(source.spec)) {
    return checksum_text(checksum_of(source.bytes));
  }
  Checksum checksum;
  checksum.update(source.spec.data(), source.spec.size());
  for (auto const& parameter : model.parameters(0)) {
    checksum.update(parameter.name.data(), parameter.name.size());
    checksum.update(parameter.values.data(), parameter.values.size() * sizeof(double));
  }
  return checksum_text(checksum.digest());
}

/// Rank 0 reads the file for all. @param hash set to the model's checksum
std::unique_ptr<Model> load(Config const& config, Inputs const& inputs, Machine const& machine,
                            Comm const& comm, std::string& hash) {
  ModelOptions options;
  std::string bytes;
  comm.on_root([&] {
    bytes = is_model_file(config.model) ? read_file(config.model) : std::string();
    model_kind(config.model, bytes);
  });
  options.sources.push_back({config.model, comm.broadcast(std::move(bytes))});
  options.device = machine.device;
  options.threads = machine.threads;
  options.fields = inputs.dataset.fields();
  options.batch_size = config.batch_size;
  options.output_key = config.output_key;
  std::unique_ptr<Model> model;
  comm.agree([&] {
    for (auto const& text : config.normalize) {
      options.normalizations.push_back(parse_normalization(text));
    }
    model = std::make_unique<Model>(options);
    hash = model_hash(options.sources[0], *model);
  });
  return model;
}

std::string decimal(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4f", value);
  return text.data();
}

void print_summary(Config const& config, Plan const& plan, Inputs const& inputs,
                   Machine const& machine, JobFacts const& facts, store::Metrics const& metrics) {
  std::cout << config.out << ": " << counted(plan.samples(), "sample") << ", "
            << counted(plan.layout.classes, "class") << ", by "
            << counted(std::ssize(plan.shards), "rank") << " on " << machine.device.label() << ", "
            << counted(machine.threads, "thread") << " each\n";
  for (auto const& [name, value] : metrics.values) {
    if (name != "nonfinite_rows" || value > 0) {
      std::cout << "  " << name << " " << decimal(value) << "\n";
    }
  }
  if (plan.layout.grid.samples() > 0) {
    std::cout << "  output read as " << name_of(plan.probe.mode) << " (" << plan.probe.evidence
              << ")\n";
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

} // namespace

void run_job(Config const& config, Comm const& comm) {
  StageTimer timer;
  JobFacts facts;
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
  comm.on_root([&] { claim = claim_outputs(config); });
  std::unique_ptr<Inputs> inputs;
  comm.agree([&] {
    inputs = std::make_unique<Inputs>(config, python_requirements(machine.device, machine.threads));
  });
  auto const model = load(config, *inputs, machine, comm, facts.model_hash);
  auto const found = inputs->dataset.size() == 0
                         ? ProbeResult{}
                         : probe(config, *inputs, *model, comm, machine.device);
  Plan plan;
  comm.agree([&] {
    plan = make_plan(config, *inputs, *model, found, comm);
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
  auto const metrics = result.totals.metrics();
  facts.data_hash = checksum_text(result.totals.input_digest());
  facts.peak_anonymous =
      static_cast<std::int64_t>(comm.all_max(static_cast<double>(result.peak_anonymous)));
  facts.seconds = timer.seconds();
  writer.finish(make_contents(config, meta, plan, *inputs, machine, facts, metrics), metrics);
  export_result(config, comm);
  timer.end_of("finish");
  facts.seconds = timer.seconds();
  if (comm.is_root()) {
    print_summary(config, plan, *inputs, machine, facts, metrics);
  }
}

} // namespace fod
