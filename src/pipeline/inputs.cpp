#include "inputs.hpp"

#include "fod/error.hpp"
#include "fod/large_bytes.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace fod {

namespace {

DataNeeds needs_of(Config const& config, python::Requirements const& requirements) {
  DataNeeds needs{requirements, config.labels, config.images};
  needs.images.threads = requirements.threads;
  return needs;
}

Dataset dataset_of(Config const& config, python::Requirements const& requirements,
                   Given const& given) {
  if (given.data != nullptr) {
    return {given.data, given.labels, config.max_samples};
  }
  return {config.data, parse_arguments(config.inputs).fields, config.max_samples, config.joined,
          needs_of(config, requirements)};
}

} // namespace

Inputs::Inputs(Config const& config, python::Requirements const& requirements, Given const& given)
    : dataset(dataset_of(config, requirements, given)) {
  if (dataset.labels() != nullptr) {
    labels.emplace(dataset.labels());
  } else if (!config.labels.empty() && !dataset.fields_unknown()) {
    labels.emplace(config.labels, dataset.source_size(), requirements);
  }
}

void Inputs::fill(std::span<std::span<std::byte> const> fields, IndexRange samples,
                  Checksum& checksum) const {
  for (std::size_t f = 0; f < fields.size(); ++f) {
    auto const batch = fields[f];
    auto const sample_bytes = static_cast<std::size_t>(dataset.field(f).sample_bytes());
    auto const used = sample_bytes * static_cast<std::size_t>(samples.size());
    dataset.read(f, samples, batch.first(used));
    checksum.update(batch.data(), used);
    for (auto at = used; at < batch.size(); at += sample_bytes) {
      std::copy_n(batch.begin() + static_cast<std::ptrdiff_t>(used - sample_bytes), sample_bytes,
                  batch.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
}

void Inputs::fill(Model& model, IndexRange samples, Checksum& checksum) const {
  fill(slot_of(model, dataset.field_count(), 0), samples, checksum);
}

int Inputs::reading_threads() const {
  auto const own = dataset.reading_threads();
  auto const of_labels = labels ? labels->reading_threads() : 1;
  return std::min(own, of_labels) == 0 ? 0 : std::max(own, of_labels);
}

std::vector<std::span<std::byte>> slot_of(Model& model, std::size_t fields, std::size_t slot) {
  std::vector<std::span<std::byte>> all;
  for (std::size_t field = 0; field < fields; ++field) {
    all.push_back(model.input(field, slot));
  }
  return all;
}

namespace {

void require_classes(IndexRange samples, std::span<std::int64_t const> labels,
                     std::int64_t classes) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= classes) {
      auto const sample = samples.begin + static_cast<std::int64_t>(i);
      throw bad_input("sample " + std::to_string(sample) + " has label " +
                          std::to_string(labels[i]),
                      "the model has classes 0 to " + std::to_string(classes - 1),
                      "give class indices counted from 0; a negative label means unknown");
    }
  }
}

} // namespace

std::int64_t Inputs::label_counts() const {
  return labels ? labels->counts() : 0;
}

std::vector<std::int64_t> Inputs::stored_labels(IndexRange samples) const {
  std::vector<std::int64_t> stored;
  read_labels(samples, stored);
  return stored;
}

void Inputs::read_labels(IndexRange samples, std::vector<std::int64_t>& stored) const {
  stored.clear();
  if (labels) {
    auto const columns = static_cast<std::size_t>(std::max<std::int64_t>(1, label_counts()));
    stored.resize(static_cast<std::size_t>(samples.size()) * columns);
    labels->read(samples, stored);
  }
}

std::vector<std::int64_t> judge_labels(IndexRange samples, std::span<std::int64_t const> stored,
                                       std::int64_t counts, std::int64_t classes) {
  if (counts == 0) {
    require_classes(samples, stored, classes);
    return {stored.begin(), stored.end()};
  }
  if (counts != classes) {
    throw bad_input("--labels has counts over " + std::to_string(counts) + " classes",
                    "the model has " + std::to_string(classes),
                    "give one column per class, or class indices of shape (N,)");
  }
  std::vector<std::int64_t> judged;
  auto const columns = static_cast<std::size_t>(counts);
  for (std::size_t at = 0; at < stored.size(); at += columns) {
    judged.push_back(majority(stored.subspan(at, columns)));
  }
  return judged;
}

void naming(IndexRange samples, std::function<void()> const& step) {
  try {
    step();
  } catch (Error const& error) {
    if (error.code() != ExitCode::failed) {
      throw;
    }
    throw error.within("samples " + std::to_string(samples.begin) + " to " +
                       std::to_string(samples.end));
  }
}

ModelOutput forward(Model& model, std::size_t member, IndexRange samples) {
  ModelOutput output;
  naming(samples, [&] { output = model.forward(member); });
  return output;
}

std::string read_file(std::string const& path) {
  std::error_code error;
  auto const size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  auto bytes = large_bytes(error ? 0 : size);
  if (error || !file.read(bytes.data(), static_cast<std::streamsize>(size))) {
    throw bad_input("cannot read " + path, error ? error.message() : errno_text(),
                    "check the path and its permissions");
  }
  return bytes;
}

} // namespace fod
