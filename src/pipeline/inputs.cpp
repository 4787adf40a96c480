#include "inputs.hpp"

#include "fod/error.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace fod {

Inputs::Inputs(Config const& config, python::Requirements const& requirements)
    : dataset(config.data, config.inputs, config.max_samples, config.joined,
              {requirements, config.labels}) {
  if (dataset.labels() != nullptr) {
    labels.emplace(dataset.labels());
  } else if (!config.labels.empty()) {
    labels.emplace(config.labels, dataset.source_size(), requirements);
  }
}

void Inputs::fill(Model& model, IndexRange samples, Checksum& checksum) const {
  for (std::size_t f = 0; f < dataset.field_count(); ++f) {
    auto const batch = model.input(f);
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

std::vector<std::int64_t> Inputs::labels_of(IndexRange samples, std::int64_t classes) const {
  if (!labels) {
    return {};
  }
  std::vector<std::int64_t> all(static_cast<std::size_t>(samples.size()));
  labels->read(samples, all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] >= classes) {
      auto const sample = samples.begin + static_cast<std::int64_t>(i);
      throw bad_input("sample " + std::to_string(sample) + " has label " + std::to_string(all[i]),
                      "the model has classes 0 to " + std::to_string(classes - 1),
                      "give class indices counted from 0; a negative label means unknown");
    }
  }
  return all;
}

ModelOutput forward(Model& model, std::size_t member, IndexRange samples) {
  try {
    return model.forward(member);
  } catch (Error const& error) {
    if (error.code() != ExitCode::failed) {
      throw;
    }
    throw error.within("samples " + std::to_string(samples.begin) + " to " +
                       std::to_string(samples.end));
  }
}

std::string read_file(std::string const& path) {
  std::error_code error;
  auto const size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  std::string bytes(error ? 0 : size, '\0');
  if (error || !file.read(bytes.data(), static_cast<std::streamsize>(size))) {
    throw bad_input("cannot read " + path, error ? error.message() : errno_text(),
                    "check the path and its permissions");
  }
  return bytes;
}

} // namespace fod
