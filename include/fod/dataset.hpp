#pragma once

#include "fod/image.hpp"
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
  /// Samples of a range already read that could not be read; their bytes are zeros.
  [[nodiscard]] virtual std::vector<std::int64_t> unreadable(IndexRange /*range*/) const {
    return {};
  }
  /// Where a sample is from, for messages, in one line; empty if its index says it all.
  [[nodiscard]] virtual std::string sample_name(std::int64_t /*sample*/) const { return {}; }
  /// Names of the classes, by index; empty if the source knows none.
  [[nodiscard]] virtual std::vector<std::string> class_names() const { return {}; }
  /// Threads that a read keeps busy; 0 if the thread that opened the source must do all reads. What
  /// is read never depends on the thread.
  [[nodiscard]] virtual int reading_threads() const { return 1; }
  /// What the plan says of the source beyond its size, in one line; mostly nothing.
  [[nodiscard]] virtual std::string description() const { return {}; }
};

/// Opens `x.npy`, `x.h5:/path`, an MNIST IDX file (`.gz` too), known by content and ending,
/// `cifar10:FILE`, `cifar100:FILE` (a folder stands for its training files), or a folder of images,
/// `FOLDER/class/x.jpg|jpeg|png`.
/// @param name the field's name in messages and for `--input`
/// @param images how a folder's images become samples
/// @throws Error (usage) if it is missing, truncated, of an unknown kind or type
std::unique_ptr<DataSource> open_source(std::string const& spec, std::string name,
                                        ImageOptions const& images = {});

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
  ImageOptions images{};         ///< how images of folders become samples
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
  /// The labels' field is no input unless it is selected.
  /// @throws Error (usage) for lengths that differ, names given twice, an unknown selected name,
  ///         options for images where there are none
  Dataset(std::vector<std::string> const& arguments, std::vector<std::string> const& selected,
          std::int64_t max_samples, std::vector<std::string> const& joined = {},
          DataNeeds const& needs = {});

  /// One input, of a source that is there. @param labels null: none
  Dataset(std::shared_ptr<DataSource> source, std::shared_ptr<DataSource> labels,
          std::int64_t max_samples);

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
  /// True if there are no samples that could tell which fields they have.
  [[nodiscard]] bool fields_unknown() const { return fields_unknown_; }
  /// What a user should know of how the data are read.
  [[nodiscard]] std::vector<std::string> const& notes() const { return notes_; }
  void read(std::size_t field, IndexRange range, std::span<std::byte> out) const {
    sources_[field]->read(range, out);
  }
  /// As a source's, of all that is read for a batch.
  [[nodiscard]] int reading_threads() const;
  /// Samples of a range already read of which an input could not be read, in ascending order.
  [[nodiscard]] std::vector<std::int64_t> unreadable(IndexRange range) const;
  /// "sample 5 (cats/x.jpg)": the index, and where the sample is from if a source knows.
  [[nodiscard]] std::string sample_name(std::int64_t sample) const;
  /// Of the first source that knows some; else empty.
  [[nodiscard]] std::vector<std::string> class_names() const;
  /// What the plan says of the sources beyond their sizes, a line each.
  [[nodiscard]] std::vector<std::string> descriptions() const;

private:
  std::vector<std::shared_ptr<DataSource>> sources_;
  std::shared_ptr<DataSource> labels_;
  std::vector<std::string> notes_;
  bool fields_unknown_ = false;
  std::int64_t size_ = 0;
  std::int64_t source_size_ = 0;
};

/// Class indices of all samples of the dataset, or counts per class (of annotators' votes).
class Labels {
public:
  /// @param spec as for `--data` (of CIFAR the label is taken, the fine one; of a folder of images
  /// the class); integers (or whole floats): indices of shape (N,) or (N,1), counts of shape (N,K)
  /// @param samples number of samples of the dataset before `--max-samples`
  /// @throws Error (usage) if there are not as many labels as samples, or for another shape
  Labels(std::string const& spec, std::int64_t samples,
         python::Requirements const& requirements = {});
  /// Labels in a field of the dataset.
  explicit Labels(std::shared_ptr<DataSource> source);

  /// Classes of a row of counts; 0 if labels are indices.
  [[nodiscard]] std::int64_t counts() const;
  /// @param out one number per sample, or `counts()` of them
  /// @throws Error (failed) for a label that is no whole number, or a count below 0
  void read(IndexRange range, std::span<std::int64_t> out) const;
  /// As a source's.
  [[nodiscard]] int reading_threads() const { return source_->reading_threads(); }
  /// Names of the classes, by index; empty if unknown.
  [[nodiscard]] std::vector<std::string> class_names() const { return source_->class_names(); }

private:
  void require_scalars(std::string const& described) const;

  std::shared_ptr<DataSource> source_;
};

} // namespace fod
