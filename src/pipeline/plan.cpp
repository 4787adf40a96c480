#include "plan.hpp"

#include "batch_reader.hpp"

#include "fod/error.hpp"
#include "fod/layer_groups.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <sstream>

namespace fod {

namespace {

namespace fs = std::filesystem;

fs::path folder_of(std::string const& path) {
  auto const folder = fs::path(path).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

std::int64_t free_bytes(std::string const& path) {
  std::error_code error;
  auto const space = fs::space(folder_of(path), error);
  return error ? -1 : static_cast<std::int64_t>(space.available);
}

std::vector<double> member_weights(Config const& config, Model const& model) {
  auto weights = config.weights;
  weights.resize(model.model_count(), 1.0); // without --weights, equal ones
  double const sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  auto const passes = static_cast<double>(std::max<std::int64_t>(1, config.dropout_passes));
  std::vector<double> all;
  for (std::size_t member = 0; member < model.member_count(); ++member) {
    all.push_back(weights[model.model_of(member)] / sum / passes);
  }
  return all;
}

/// What is settled about the layers that are looked at.
GroupPlan make_group_plan(Config const& config, Inputs const& inputs, ProbeResult const& probe,
                          LayerWatch const* watch, BlockGrid const& grid) {
  GroupPlan plan;
  if (watch == nullptr) {
    return plan;
  }
  plan.layers = watch->layers();
  plan.scales = probe.scales;
  plan.grid = grid;
  plan.appended = appended_columns(config, inputs.labels.has_value());
  if (config.distributions) {
    plan.classes = probe.classes();
    plan.class_by = inputs.labels ? "label" : "prediction";
  }
  return plan;
}

} // namespace

Plan make_plan(Config const& config, Inputs const& inputs, Model const& model,
               ProbeResult const& probe, LayerWatch const* watch, Comm const& comm) {
  Plan plan;
  plan.probe = probe;
  plan.sources = inputs.dataset.descriptions();
  auto const size = inputs.dataset.size();
  BlockGrid const grid(size, config.batch_size);
  auto const range = config.range.value_or(IndexRange{0, size});
  if (config.range && range.begin > size) {
    throw bad_input("--range begins at sample " + std::to_string(range.begin),
                    "the dataset has " + std::to_string(size) + " samples",
                    "give a range inside of it");
  }
  plan.layout.grid = grid;
  plan.job_blocks = grid.blocks_of(range);
  plan.layout.blocks = plan.job_blocks;
  plan.layout.classes = size == 0 || !config.distributions ? 0 : probe.classes();
  plan.layout.labels = inputs.labels.has_value();
  plan.layout.label_counts = inputs.labels ? inputs.labels->counts() : 0;
  plan.layout.members = static_cast<std::int64_t>(model.member_count());
  plan.layout.distributions = config.distributions;
  plan.layout.uncertainty = config.distributions;
  plan.groups = make_group_plan(config, inputs, probe, watch, grid);
  for (auto const& watched : plan.groups.layers) {
    if (config.groups.keep_activations) {
      plan.layout.activations.push_back({watched.layer.name, watched.neurons});
    }
  }
  plan.layout.keep_members = config.keep_members;
  plan.layout.keep_logits = config.keep_logits;
  plan.weights = member_weights(config, model);
  for (int rank = 0; rank < comm.size(); ++rank) {
    plan.shards.push_back(grid.samples_of(shard_of(plan.job_blocks, comm.size(), rank)));
  }
  plan.model_bytes = model.parameter_bytes();
  for (auto const& field : inputs.dataset.fields()) {
    plan.batch_bytes += field.sample_bytes() * config.batch_size;
  }
  return plan;
}

namespace {

/// What of a second pass is left out when shards are merged.
std::string left_to_merge(Config const& config) {
  return std::string(config.groups.patterns ? "--group-patterns" : "the events") +
         (config.groups.patterns && config.groups.events() ? " and the events" : "") +
         " will be left out, since they need the groups, which `fod merge` finds, and then the "
         "activations, which --keep-activations would keep";
}

/// Whether the data are gone through twice, and why.
std::string passes_text(Config const& config) {
  auto const& groups = config.groups;
  if (!groups.second_pass()) {
    return "one over the data";
  }
  if (config.shards) {
    return groups.keep_activations ? "one over the data; `fod merge` does the second one on the "
                                     "kept activations"
                                   : "one over the data; " + left_to_merge(config);
  }
  auto const what = std::string(groups.patterns ? "--group-patterns" : "the events");
  return groups.keep_activations
             ? "one over the data; " + what + " follow from the kept activations"
             : "two over the data, since " + what +
                   " need the groups: the model runs twice as "
                   "long (--keep-activations spares it)";
}

/// Bytes of the result. What --group-patterns adds depends on how many groups there will be.
std::int64_t result_bytes(Config const& config, Plan const& plan) {
  auto bytes = store::estimated_bytes(plan.layout);
  bool const moments = config.groups.keep_moments || plan.layout.is_part();
  auto const& asked = config.groups;
  for (auto const& watched : plan.groups.layers) {
    auto const n = watched.neurons;
    bytes += store::keeps_correlation(n) || asked.keep_correlation ? 4 * n * n : 0;
    bytes += moments ? 16 * triangle_size(n + plan.groups.appended) : 0;
  }
  return bytes;
}

} // namespace

std::int64_t estimated_json_bytes(Plan const& plan) {
  constexpr std::int64_t per_number = 23; // "0.09529584646224976, " and now and then an exponent
  constexpr std::int64_t per_row = 14;
  return 64 + plan.job_samples().size() * (per_row + plan.layout.classes * per_number);
}

void require_space(Config const& config, Plan const& plan, Machine const& machine) {
  auto needed = result_bytes(config, plan);
  if (plan.layout.is_shard()) { // about as much for each rank of this node
    auto const& here = machine.hosts[static_cast<std::size_t>(machine.rank)];
    needed *= std::count(machine.hosts.begin(), machine.hosts.end(), here);
  }
  if (!config.json.empty() && folder_of(config.json) == folder_of(config.out)) {
    needed += estimated_json_bytes(plan);
  }
  auto const there = free_bytes(config.out);
  if (there >= 0 && needed > there) {
    throw bad_input(
        "the result needs " + byte_size(needed) + " in " + folder_of(config.out).string(),
        "the file system has " + byte_size(there) + " left", "make room, or choose another --out");
  }
}

namespace {

/// The part of the plan that is about layers.
std::string describe_groups(Config const& config, Plan const& plan, Machine const& machine) {
  std::ostringstream out;
  if (plan.groups.empty()) {
    return {};
  }
  for (auto const& watched : plan.groups.layers) {
    auto const pooling = watched.pooling_text();
    out << "  layer     " << watched.layer.name << ", " << watched.layer.type << ", "
        << counted(watched.neurons, "neuron") << (pooling.empty() ? "" : ", " + pooling) << " of "
        << to_string(watched.layer.shape) << "\n";
  }
  out << "  groups    by " << name_of(config.groups.options.method) << ", moments of "
      << byte_size(moment_bytes(plan.groups, machine)) << " per rank\n"
      << "  passes    " << passes_text(config) << "\n";
  return out.str();
}

/// What is there at a time: inputs that are read ahead, those that the model works on (a copy,
/// since it may change them), and the results that go to the file.
std::string describe_memory(Plan const& plan, Inputs const& inputs, Machine const& machine) {
  auto const slots =
      static_cast<std::int64_t>(input_slots(reads_ahead(inputs, machine), plan.under_way));
  auto const results =
      plan.layout.distributions ? Epilogue::bytes(plan.epilogue_shape(), plan.under_way) : 0;
  auto const staged = slots * plan.batch_bytes + results;
  bool const on_gpu = machine.device.is_cuda;
  auto const there = plan.model_bytes + plan.batch_bytes +
                     (on_gpu ? batches_on_gpu * plan.batch_bytes + results : staged);
  return "  memory    " + byte_size(there) +
         " per rank for model and batches, activations apart; " +
         byte_size(memory_of(machine.device).available) + " free" +
         (on_gpu ? "; " + byte_size(staged) + " on the host, pinned" : "") + "\n";
}

} // namespace

std::string describe(Config const& config, Plan const& plan, Inputs const& inputs,
                     Machine const& machine) {
  auto const& layout = plan.layout;
  std::ostringstream out;
  out << "Plan (nothing is written)\n"
      << "  dataset   " << counted(layout.grid.samples(), "sample") << "; this job "
      << grouped(plan.job_samples().size()) << ", " << plan.job_samples().begin << ":"
      << plan.job_samples().end << "\n";
  for (auto const& source : plan.sources) {
    out << "            " << source << "\n";
  }
  out << "  model     " << joined(config.models) << ", " << byte_size(plan.model_bytes) << ", ";
  if (layout.distributions) {
    out << layout.classes << " classes, output " << plan.probe.mode_text() << " ("
        << plan.probe.evidence_text() << ")";
  } else {
    out << "its output is not looked at";
  }
  out << (layout.members > 1 ? ", " + counted(layout.members, "member") : "") << "\n"
      << "  blocks    " << grouped(plan.job_blocks.size()) << " of " << layout.grid.block_size()
      << " samples, batches of " << layout.grid.batch_size() << "\n";
  for (std::size_t rank = 0; rank < plan.shards.size(); ++rank) {
    out << "  rank " << rank << "    " << machine.hosts[rank] << ", " << machine.devices[rank]
        << ", samples " << plan.shards[rank].begin << ":" << plan.shards[rank].end
        << (config.shards ? ", " + store::shard_path(config.out, static_cast<std::int64_t>(rank),
                                                     std::ssize(plan.shards))
                          : "")
        << "\n";
  }
  if (config.shards) {
    out << "  shards    a file per rank; `fod merge` joins them"
        << (plan.groups.empty() ? "" : " and finds the groups") << "\n";
  }
  for (auto const& note : inputs.dataset.notes()) {
    out << "  data      " << note << "\n";
  }
  out << describe_groups(config, plan, machine);
  out << "  threads   " << machine.threads << " per rank\n"
      << describe_memory(plan, inputs, machine) << "  HDF5      "
      << byte_size(result_bytes(config, plan))
      << (config.groups.patterns && !config.shards ? " and 4 bytes per sample and group in "
                                                   : " in ")
      << folder_of(config.out).string() << ", " << byte_size(free_bytes(config.out)) << " free\n"
      << "  JSON      about " << byte_size(estimated_json_bytes(plan))
      << (config.json.empty() ? ", if exported\n" : " in " + config.json + "\n");
  return out.str();
}

std::vector<std::string> conversions(Inputs const& inputs, ProbeResult const& probe) {
  std::vector<std::string> all;
  for (auto const& model : probe.models) {
    for (std::size_t i = 0; i < model.input_types.size(); ++i) {
      auto const& field = inputs.dataset.field(i);
      auto const text = "input " + field.name + ": " + std::string(name_of(field.type)) +
                        " is given to the model as " + std::string(name_of(model.input_types[i]));
      if (field.type != model.input_types[i] &&
          std::find(all.begin(), all.end(), text) == all.end()) {
        all.push_back(text);
      }
    }
  }
  return all;
}

} // namespace fod
