#include "settings.hpp"

#include "fod/checksum.hpp"
#include "fod/text.hpp"

#include <array>
#include <cstdio>
#include <numeric>

namespace fod {

namespace {

constexpr char const* threads_name = "--threads";
constexpr char const* batch_size_name = "--batch-size";

std::string exact(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.17g", value);
  return text.data();
}

std::string yes(bool value) {
  return value ? "yes" : "no";
}

/// Collects them in the order in which they are compared.
class Collector {
public:
  void put(std::string const& name, std::string const& value) { all_.emplace_back(name, value); }
  /// Flags that are off by default are mentioned only where they are on.
  void flag(std::string const& name, bool on) {
    if (on) {
      put(name, yes(on));
    }
  }
  void text(std::string const& name, std::string const& value) {
    if (!value.empty()) {
      put(name, value);
    }
  }
  store::Settings take() { return std::move(all_); }

private:
  store::Settings all_;
};

std::string label_digest(Inputs const& inputs, IndexRange samples) {
  auto const labels = inputs.stored_labels(samples);
  Checksum checksum;
  checksum.update(labels.data(), labels.size() * sizeof(std::int64_t));
  return checksum_text(checksum.digest());
}

void put_data(Collector& out, Prepared const& job) {
  auto const& inputs = *job.inputs;
  auto const samples = job.plan.layout.samples();
  out.put(store::range_setting, std::to_string(samples.begin) + ":" + std::to_string(samples.end));
  out.put("the number of samples", std::to_string(inputs.dataset.size()));
  std::string fields;
  for (std::size_t i = 0; i < inputs.dataset.field_count(); ++i) {
    auto const& field = inputs.dataset.field(i);
    fields += (fields.empty() ? "" : ", ") + field.name + " " + to_string(field.shape) + " " +
              std::string(name_of(field.type));
  }
  out.put("the fields of the data", fields);
  out.text("the data (a checksum of its first block)", job.plan.probe.data_hash);
  if (inputs.labels && inputs.dataset.size() > 0) {
    out.put("the labels (a checksum of the first block)",
            label_digest(inputs, job.plan.layout.grid.samples_of(0)));
  } else {
    out.put("--labels", yes(inputs.labels.has_value()));
  }
}

void put_reading(Collector& out, Config const& config) {
  out.text("--input", joined(config.inputs));
  out.text("--concat", joined(config.joined));
  out.text("--normalize", joined(config.normalize));
  auto const& images = config.images;
  if (images.resize) {
    auto const& size = images.resize->exact;
    out.put("--resize", size ? std::to_string(size->height) + "x" + std::to_string(size->width)
                             : std::to_string(images.resize->shorter));
  }
  if (images.crop > 0) {
    out.put("--crop", std::to_string(images.crop));
  }
  out.flag("--image-mode gray", images.mode == ImageMode::gray);
}

void put_running(Collector& out, Prepared const& job) {
  auto const& config = job.config;
  out.put(batch_size_name, std::to_string(config.batch_size));
  out.put(threads_name, std::to_string(job.machine.threads));
  out.put("--device", job.machine.device.is_cuda ? "cuda" : "cpu");
  out.put("--precision", std::string(name_of(config.precision)));
  out.put("--seed", std::to_string(config.seed));
  out.text("--output", config.output_key);
  out.text("--transform", joined(config.transforms));
  if (config.dropout_passes > 0) {
    out.put("--mc-dropout", std::to_string(config.dropout_passes));
  }
  if (job.plan.weights.size() > 1) {
    std::string weights;
    for (auto const weight : job.plan.weights) {
      weights += (weights.empty() ? "" : ",") + exact(weight);
    }
    out.put("--weights", weights);
  }
  if (config.distributions) {
    out.put("the output mode", job.plan.probe.mode_text());
    out.put("the number of classes", std::to_string(job.plan.layout.classes));
  }
  out.flag("--no-distributions", !config.distributions);
}

/// What block 0 was scaled by tells whether layers give the same.
std::string scale_digest(std::vector<MomentScale> const& scales) {
  Checksum checksum;
  for (auto const& scale : scales) {
    checksum.update(scale.shift.data(), scale.shift.size() * sizeof(double));
    checksum.update(scale.scale.data(), scale.scale.size() * sizeof(double));
  }
  return checksum_text(checksum.digest());
}

void put_groups(Collector& out, Prepared const& job) {
  auto const& asked = job.config.groups;
  auto const& plan = job.plan.groups;
  if (plan.empty()) {
    out.put(store::first_beyond_rows, "");
    return;
  }
  std::string layers;
  for (auto const& watched : plan.layers) {
    auto const pooling = watched.pooling_text();
    layers +=
        (layers.empty() ? "" : ",") + watched.layer.name + (pooling.empty() ? "" : ":") + pooling;
  }
  out.put(store::first_beyond_rows, layers);
  out.text("--tap-transform", asked.transform);
  out.put("the activations (a checksum of their scale in the first block)",
          scale_digest(plan.scales));
  auto const& options = asked.options;
  out.put("--group-method", asked.legacy ? "legacy" : std::string(name_of(options.method)));
  out.put("--correlation-threshold", asked.auto_threshold ? "auto" : exact(options.threshold));
  out.put("--min-group-size", std::to_string(options.least_size));
  out.put("--n-groups", options.group_count == 0 ? "auto" : std::to_string(options.group_count));
  out.flag("--signed", !options.sign_blind);
  out.put("--linkage", options.linkage == groups::Linkage::ward ? "ward" : "average");
  out.flag("--keep-activations", asked.keep_activations);
  out.flag("--keep-correlation", asked.keep_correlation);
  out.flag("--keep-moments", asked.keep_moments);
  out.flag("--group-patterns", asked.patterns);
  out.text("--categories", asked.categories);
  out.text("--texts", asked.texts);
  out.text("--rules", asked.rules);
  out.text("--loss", asked.loss);
}

} // namespace

store::Settings make_settings(Prepared const& job) {
  Collector out;
  out.put("the model (a checksum)", joined(job.facts.model_hashes));
  put_running(out, job); // a batch of another size explains other blocks
  put_data(out, job);
  put_reading(out, job.config);
  put_groups(out, job);
  out.flag("--keep-members", job.config.keep_members);
  out.flag("--keep-logits", job.config.keep_logits);
  return out.take();
}

void adopt(Config& config, store::Settings const& earlier) {
  if (auto const threads = store::find(earlier, threads_name); threads && config.threads == 0) {
    config.threads = std::stoi(*threads);
  }
  if (auto const size = store::find(earlier, batch_size_name); size && config.batch_size == 0) {
    config.batch_size = std::stoll(*size);
  }
}

} // namespace fod
