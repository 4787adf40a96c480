#pragma once

#include "fod/checksum.hpp"
#include "fod/config.hpp"
#include "fod/dataset.hpp"
#include "fod/model.hpp"
#include "fod/pipeline.hpp"

#include <functional>
#include <optional>

/// Inside of the pipeline: what goes into the model.
namespace fod {

/// The dataset with its labels, if any.
struct Inputs {
  Dataset dataset;
  std::optional<Labels> labels;

  /// @param requirements of data in Python; its threads decode images too
  Inputs(Config const& config, python::Requirements const& requirements, Given const& given);

  /// Fills memory for a batch, by field; a short one is padded with its last sample, since a batch
  /// of another size would change bits. The checksum takes the real samples.
  void fill(std::span<std::span<std::byte> const> fields, IndexRange samples,
            Checksum& checksum) const;
  /// The same for the first slot of the model's inputs.
  void fill(Model& model, IndexRange samples, Checksum& checksum) const;

  /// As a source's, labels included.
  [[nodiscard]] int reading_threads() const;

  /// Columns of labels that are counts; 0 for class indices, or without labels.
  [[nodiscard]] std::int64_t label_counts() const;
  /// Labels of a batch as they are stored, an index per sample or K counts; empty if there are
  /// none.
  [[nodiscard]] std::vector<std::int64_t> stored_labels(IndexRange samples) const;
  /// The same into memory that is used again.
  void read_labels(IndexRange samples, std::vector<std::int64_t>& stored) const;
};

/// The class of each sample: of counts the one with the most votes, below 0 if unknown.
/// @param counts columns of `stored`; 0 for class indices
/// @throws Error (usage) naming a sample whose label is no class
std::vector<std::int64_t> judge_labels(IndexRange samples, std::span<std::int64_t const> stored,
                                       std::int64_t counts, std::int64_t classes);

/// The memory of a slot of the model's inputs, by field.
std::vector<std::span<std::byte>> slot_of(Model& model, std::size_t fields, std::size_t slot);

/// Runs a step over these samples; a failure names them.
void naming(IndexRange samples, std::function<void()> const& step);

/// Runs a member of the model on the batch that was begun; a failure names its samples.
ModelOutput forward(Model& model, std::size_t member, IndexRange samples);

/// The whole file. @throws Error (usage) if it cannot be read
std::string read_file(std::string const& path);

} // namespace fod
