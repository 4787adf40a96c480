#include "ensemble_inputs.hpp"

#include "parts.hpp"

#include "fod/error.hpp"
#include "fod/json.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>

namespace fod {

namespace {

using Json = nlohmann::ordered_json;

constexpr char const* usage = "fod ensemble OUT.h5 A.h5 B.h5…";

/// The weights of a file's own members, which sum to 1.
std::vector<double> own_weights(EnsembleInput const& input) {
  auto const members = static_cast<std::size_t>(input.members());
  std::vector<double> equal(members, 1.0 / static_cast<double>(members));
  auto const found = input.provenance.find("weights");
  if (found == input.provenance.end() || !found->is_string()) {
    return equal;
  }
  auto const list = Json::parse(found->get<std::string>(), nullptr, false);
  bool const fits =
      list.is_array() && list.size() == members &&
      std::all_of(list.begin(), list.end(), [](Json const& weight) { return weight.is_number(); });
  return fits ? list.get<std::vector<double>>() : equal;
}

void set_name(EnsembleInput& input) {
  input.name = std::filesystem::path(input.path()).filename().string();
  for (auto const& entry : json::parse_meta(input.reader.meta())) {
    auto const value =
        entry.key == "model_name" ? Json::parse(entry.value, nullptr, false) : Json();
    if (value.is_string() && !value.get<std::string>().empty()) {
      input.name = value.get<std::string>();
      input.named = true;
    }
  }
}

EnsembleInput read_input(std::string const& path) {
  EnsembleInput input{store::open_result(path), {}, {}, false, {}, {}};
  require_complete(input.reader, "make the ensemble");
  auto const& layout = input.layout();
  if (!layout.distributions) {
    throw bad_input(path + " holds no distributions", "its job was run with --no-distributions",
                    "give files of classifiers");
  }
  if (layout.members > 1 && !layout.keep_members) {
    throw bad_input(path + " is an ensemble of " + std::to_string(layout.members) +
                        " whose members were not kept",
                    "what its members disagree about cannot be told from their mean",
                    "make it again with --keep-members, or give the files of its models");
  }
  input.provenance = Json::parse(store::read_provenance(input.reader.file()));
  set_name(input);
  return input;
}

void require_weights(EnsembleOptions const& options, std::size_t files) {
  auto const& weights = options.weights;
  if (weights.empty()) {
    return;
  }
  auto const bad = [](double weight) { return !(weight >= 0) || weight > 1e30; };
  double const sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (weights.size() != files || sum <= 0 || std::any_of(weights.begin(), weights.end(), bad)) {
    throw bad_input("cannot use --weights",
                    "it takes one number from 0 for each file, not all 0; there are " +
                        std::to_string(weights.size()) + " for " +
                        counted(static_cast<std::int64_t>(files), "file"),
                    "write --weights 2,1,1 for three files");
  }
}

void set_weights(std::vector<EnsembleInput>& inputs, std::vector<double> weights) {
  weights.resize(inputs.size(), 1.0); // without --weights, equal ones
  double const sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i].weights = own_weights(inputs[i]);
    for (auto& weight : inputs[i].weights) {
      weight = inputs[i].members() == 1 ? weights[i] / sum : weights[i] / sum * weight;
    }
  }
}

std::vector<std::uint64_t> digests_of(store::ResultReader const& reader) {
  std::vector<std::uint64_t> digests;
  auto const blocks = reader.layout().blocks.size();
  if (reader.has("/ledger/inputs")) {
    auto const dataset = reader.file().dataset("/ledger/inputs");
    if (dataset.shape() == Shape{blocks} && dataset.can_hold(blocks)) {
      digests.resize(static_cast<std::size_t>(blocks));
      dataset.read({0, blocks}, ElementType::uint64, digests.data());
    }
  }
  bool const known = std::any_of(digests.begin(), digests.end(), [](auto d) { return d != 0; });
  return known ? digests : std::vector<std::uint64_t>();
}

/// Each block's input data are on record by a digest, which depends on where blocks are cut.
void require_same_data(EnsembleInput const& first, EnsembleInput const& other,
                       EnsembleOptions const& options, std::vector<std::string>& notes) {
  auto const a = digests_of(first.reader);
  auto const b = digests_of(other.reader);
  if (a.empty() || b.empty()) {
    return;
  }
  auto const& grid = first.layout().grid;
  if (grid != other.layout().grid || first.layout().blocks != other.layout().blocks) {
    notes.push_back(
        "the data of " + other.path() +
        " could not be compared: its job had another batch size or range than that of " +
        first.path());
    return;
  }
  auto const found = std::mismatch(a.begin(), a.end(), b.begin()).first;
  if (found == a.end()) {
    return;
  }
  auto const samples = grid.samples_of(first.layout().blocks.begin + (found - a.begin()));
  auto const where = "samples " + std::to_string(samples.begin) + ":" + std::to_string(samples.end);
  if (!options.allow_other_data) {
    throw bad_input(first.path() + " and " + other.path() + " were made from different data",
                    "the first difference is in " + where,
                    "give files over the same data; if the models read the same samples in "
                    "different forms, pass --allow-other-data");
  }
  notes.push_back(other.path() + " was made from other data than " + first.path() + ", from " +
                  where + " on");
}

void require_fitting(EnsembleInput const& first, EnsembleInput const& other) {
  if (first.layout().classes != other.layout().classes) {
    throw bad_input(other.path() + " has " + counted(other.layout().classes, "class"),
                    first.path() + " has " + std::to_string(first.layout().classes),
                    "the members of an ensemble have the same classes");
  }
  if (!first.reader.creation().empty() && first.reader.creation() == other.reader.creation()) {
    throw bad_input(first.path() + " and " + other.path() + " are the same file",
                    "or copies of one", "give each once; --weights makes one count more");
  }
}

void require_same_labels_kind(std::vector<EnsembleInput> const& inputs) {
  auto const* source = labelled(inputs);
  for (auto const& input : inputs) {
    if (input.layout().labels && input.layout().label_counts != source->layout().label_counts) {
      throw bad_input(source->path() + " and " + input.path() + " have labels of different kinds",
                      "class indices, or counts over other numbers of classes",
                      "give files that were made with the same labels, or without any");
    }
  }
}

} // namespace

EnsembleInput const* labelled(std::vector<EnsembleInput> const& inputs) {
  auto const found = std::find_if(inputs.begin(), inputs.end(),
                                  [](EnsembleInput const& input) { return input.layout().labels; });
  return found == inputs.end() ? nullptr : &*found;
}

std::vector<double> all_weights(std::vector<EnsembleInput> const& inputs) {
  std::vector<double> all;
  for (auto const& input : inputs) {
    all.insert(all.end(), input.weights.begin(), input.weights.end());
  }
  return all;
}

store::Layout ensemble_layout(std::vector<EnsembleInput> const& inputs, bool keep_members) {
  auto layout = inputs[0].layout();
  layout.shard = 0;
  layout.shards = 0;
  layout.keep_logits = false;
  layout.keep_members = keep_members;
  layout.uncertainty = true;
  layout.activations.clear();
  layout.members = std::ssize(all_weights(inputs));
  if (auto const* source = labelled(inputs)) {
    layout.labels = true;
    layout.label_counts = source->layout().label_counts;
  }
  for (auto const& input : inputs) {
    layout.sum_tolerance = std::max(layout.sum_tolerance, input.layout().sum_tolerance);
    if (input.layout().distribution_type == ElementType::float64) {
      layout.distribution_type = ElementType::float64;
    }
  }
  return layout;
}

std::vector<EnsembleInput> read_inputs(std::vector<std::string> const& paths,
                                       std::string const& out, EnsembleOptions const& options,
                                       std::vector<std::string>& notes) {
  if (paths.empty()) {
    throw bad_input("there is nothing to make an ensemble of", "no file was given after " + out,
                    "write `" + std::string(usage) + "`");
  }
  require_weights(options, paths.size());
  std::vector<EnsembleInput> inputs;
  for (auto const& path : paths) {
    refuse_as_output(path, out, usage);
    inputs.push_back(read_input(path));
    auto& input = inputs.back();
    for (std::size_t i = 0; i + 1 < inputs.size(); ++i) {
      require_fitting(inputs[i], input);
    }
    input.order = order_of(inputs[0].reader, input.reader);
    if (!input.order.empty()) {
      notes.push_back("the rows of " + path + " are put in the order of " + inputs[0].path());
    } else if (inputs.size() > 1) {
      require_same_data(inputs[0], input, options, notes);
    }
    if (input.members() > 1) {
      notes.push_back("the " + std::to_string(input.members()) + " members of " + path +
                      " are members of the ensemble, each with its share of the file's weight");
    }
  }
  require_same_labels_kind(inputs);
  set_weights(inputs, options.weights);
  if (all_weights(inputs).size() < 2) {
    throw bad_input("one model alone is no ensemble", paths[0] + " holds one",
                    "give the files of two or more: `" + std::string(usage) + "`");
  }
  return inputs;
}

} // namespace fod
