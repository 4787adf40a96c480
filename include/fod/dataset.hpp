#pragma once

#include "fod/python.hpp"
#include "fod/records.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fod {

/// One input field over all samples of a dataset, readable at any range.
class DataSource {
public:
  virtual ~DataSource() = default;

  [[nodiscard]] virtual FieldSpec const& field() const = 0;
  /// Number of samples.
  [[nodiscard]] virtual std::int64_t size() const = 0;
  /// Copies samples `range` to `out`, row after row, in native byte order.
  /// @param out exactly `range.size() * field().sample_bytes()` bytes
  /// @throws Error (failed) naming the file and the samples if they cannot be read
  virtual void read(IndexRange range, std::span<std::byte> out) const = 0;
};

/// Opens `x.npy`, `x.h5:/path`, an MNIST IDX file (`.gz` too), known by content and ending, or
/// `cifar10:FILE`, `cifar100:FILE` (a folder stands for its training files).
/// @param name the field's name in messages and for `--input`
/// @throws Error (usage) if it is missing, truncated, of an unknown kind or type
std::unique_ptr<DataSource> open_source(std::string const& spec, std::string name);

/// `[name=]SPEC` of `--data`, parted. The name of an unnamed one is empty. Only an identifier is a
/// name; "split=train/x.npy" is a path if that file exists and "train/x.npy" does not.
struct SourceSpec {
  std::string name;
  std::string spec;
};
SourceSpec parse_source(std::string const& argument);

/// What only some kinds of data need.
struct DataNeeds {
  python::Requirements python{}; ///< for `python:module:callable`
  std::string labels;            ///< of --labels, which may name a field
};

/// The model's inputs, one source each, all of one length. Of `python:` data each array in a sample
/// is a field, named by its path in it ("x", "image.left", "0"), behind "name." if --data gave a
/// name or there are several; the only array of a sample has the name alone.
class Dataset {
public:
  /// @param arguments the values of `--data`; an only source without a name is called "data",
  ///        further ones "data1", "data2", …
  /// @param selected values of `--input` (fields that become the model's arguments, in order);
  ///        empty takes all in the order given
  /// @param max_samples keeps the first so many; negative keeps all
  /// @param joined values of `--concat`: these become one input, at the place of the first, joined
  ///        along the first extent of a sample
  /// @throws Error (usage) for lengths that differ, names given twice, an unknown selected name
  /// The labels' field is no input unless it is selected.
  Dataset(std::vector<std::string> const& arguments, std::vector<std::string> const& selected,
          std::int64_t max_samples, std::vector<std::string> const& joined = {},
          DataNeeds const& needs = {});

  /// Number of samples taken, `max_samples` at most.
  [[nodiscard]] std::int64_t size() const { return size_; }
  /// Number of samples that the sources hold.
  [[nodiscard]] std::int64_t source_size() const { return source_size_; }
  [[nodiscard]] std::size_t field_count() const { return sources_.size(); }
  [[nodiscard]] FieldSpec const& field(std::size_t i) const { return sources_[i]->field(); }
  [[nodiscard]] std::vector<FieldSpec> fields() const;
  /// The field that holds the labels: the one that --labels names, else the class index of Python's
  /// (input, class index) samples; null if they are elsewhere, or nowhere.
  [[nodiscard]] std::shared_ptr<DataSource> const& labels() const { return labels_; }
  /// What a user should know of how the data are read.
  [[nodiscard]] std::vector<std::string> const& notes() const { return notes_; }
  void read(std::size_t field, IndexRange range, std::span<std::byte> out) const {
    sources_[field]->read(range, out);
  }

private:
  std::vector<std::shared_ptr<DataSource>> sources_;
  std::shared_ptr<DataSource> labels_;
  std::vector<std::string> notes_;
  std::int64_t size_ = 0;
  std::int64_t source_size_ = 0;
};

/// Class indices of all samples of the dataset.
class Labels {
public:
  /// @param spec as for `--data` (of CIFAR the label is taken, the fine one); integers (or whole
  /// floats) of shape (N,) or (N,1)
  /// @param samples number of samples of the dataset before `--max-samples`
  /// @throws Error (usage) if there are not as many labels as samples, or for another shape
  Labels(std::string const& spec, std::int64_t samples,
         python::Requirements const& requirements = {});
  /// Labels in a field of the dataset.
  explicit Labels(std::shared_ptr<DataSource> source);

  /// @throws Error (failed) for a label that is no whole number
  void read(IndexRange range, std::span<std::int64_t> out) const;

private:
  void require_scalars(std::string const& described) const;

  std::shared_ptr<DataSource> source_;
};

} // namespace fod
