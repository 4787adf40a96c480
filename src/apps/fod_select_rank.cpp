#include "fod_columns.hpp"
#include "fod_select.hpp"

#include "fod/ensemble.hpp"
#include "fod/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace fod::app {

namespace {

constexpr std::int64_t piece_rows = std::int64_t{1} << 16;
constexpr std::int64_t piece_bytes = std::int64_t{8} << 20;

/// The columns of some rows that the choice depends on.
struct Columns {
  std::vector<std::int64_t> ids;
  std::vector<std::uint8_t> status;
  std::vector<double> scores;
  std::vector<std::int32_t> predictions;
  std::vector<std::int64_t> labels; ///< negative: none; empty without labels in the file
};

/// Difference of the two largest probabilities; of one class alone that one.
double margin_of(std::span<double const> row) {
  double first = -std::numeric_limits<double>::infinity();
  double second = first;
  for (auto const p : row) {
    second = std::max(second, std::min(first, p));
    first = std::max(first, p);
  }
  return row.size() > 1 ? first - second : first;
}

class RowReader {
public:
  RowReader(store::ResultReader const& reader, SelectRequest const& request)
      : reader_(reader), by_(request.by), path_("/uncertainty/" + request.name),
        figures_(reader.layout().uncertainty) {
    if (reader.rows() > 0) {
      store::require_shape(reader, "/distributions", {reader.rows(), reader.classes()});
    }
  }

  /// Rows that are read at a time.
  [[nodiscard]] std::int64_t piece() const {
    bool const wide = by_ == Criterion::margin || !figures_ || counts() > 0;
    auto const row = 8 * std::max<std::int64_t>(1, std::max(reader_.classes(), counts()));
    return wide ? std::clamp<std::int64_t>(piece_bytes / row, 1, piece_rows) : piece_rows;
  }

  [[nodiscard]] Columns read(IndexRange rows) const {
    Columns all;
    all.ids = column<std::int64_t>(reader_, "/sample_ids", ElementType::int64, rows);
    all.status = column<std::uint8_t>(reader_, "/row_status", ElementType::uint8, rows);
    if (figures_) {
      all.predictions =
          column<std::int32_t>(reader_, "/uncertainty/prediction", ElementType::int32, rows);
      all.scores = by_ == Criterion::margin
                       ? margins(rows)
                       : column<double>(reader_, path_, ElementType::float64, rows);
    } else {
      work_out(rows, all);
    }
    if (reader_.layout().labels) {
      all.labels = labels_of(reader_, rows);
    }
    return all;
  }

private:
  [[nodiscard]] std::int64_t counts() const { return reader_.layout().label_counts; }

  [[nodiscard]] std::vector<double> distributions(IndexRange rows) const {
    std::vector<double> values(static_cast<std::size_t>(rows.size() * reader_.classes()));
    reader_.read("/distributions", rows, ElementType::float64, values.data());
    return values;
  }

  [[nodiscard]] std::vector<double> margins(IndexRange rows) const {
    auto const values = distributions(rows);
    auto const classes = static_cast<std::size_t>(reader_.classes());
    std::vector<double> all;
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows.size()); ++row) {
      all.push_back(margin_of({values.data() + row * classes, classes}));
    }
    return all;
  }

  /// Of a file that has rows and no more.
  void work_out(IndexRange rows, Columns& all) const {
    auto values = distributions(rows);
    auto const count = all.ids.size();
    std::vector<float> entropy(count);
    std::vector<float> confidence(count);
    std::vector<std::uint8_t> flags(count, 0);
    all.predictions.resize(count);
    host::describe<double>(rows.size(), reader_.classes(),
                           {values.data(), entropy.data(), confidence.data(),
                            all.predictions.data(), flags.data(), nullptr});
    auto const& figures = by_ == Criterion::confidence ? confidence : entropy;
    all.scores = by_ == Criterion::margin ? margins(rows)
                                          : std::vector<double>(figures.begin(), figures.end());
  }

  store::ResultReader const& reader_;
  Criterion by_;
  std::string path_; ///< of the section that the criterion names
  bool figures_;
};

/// The most useful samples so far.
class Best {
public:
  Best(SelectRequest const& request, bool highest) : request_(request), highest_(highest) {}

  void offer(Chosen const& sample) {
    auto& heap = heaps_[request_.per_class ? sample.prediction : 0];
    auto const before = [this](Chosen const& a, Chosen const& b) { return is_before(a, b); };
    if (heap.size() < request_.top) {
      heap.push_back(sample);
      std::push_heap(heap.begin(), heap.end(), before);
    } else if (is_before(sample, heap.front())) { // the last one of those that are kept
      std::pop_heap(heap.begin(), heap.end(), before);
      heap.back() = sample;
      std::push_heap(heap.begin(), heap.end(), before);
    }
  }

  /// All, in order, and how many classes have fewer than asked for.
  void tell(Selection& selection) const {
    for (auto const& [number, heap] : heaps_) {
      selection.chosen.insert(selection.chosen.end(), heap.begin(), heap.end());
      selection.short_classes += request_.per_class && heap.size() < request_.top ? 1 : 0;
    }
    std::sort(selection.chosen.begin(), selection.chosen.end(),
              [this](Chosen const& a, Chosen const& b) { return is_before(a, b); });
  }

private:
  [[nodiscard]] bool is_before(Chosen const& a, Chosen const& b) const {
    if (a.score != b.score) {
      return highest_ ? a.score > b.score : a.score < b.score;
    }
    return a.id < b.id;
  }

  SelectRequest const& request_;
  bool highest_;
  std::map<std::int32_t, std::vector<Chosen>> heaps_; ///< by predicted class, or one
};

void require_told(store::ResultReader const& reader, SelectRequest const& request) {
  if (!reader.complete()) {
    throw bad_input(reader.path() + " is not complete", "its job has not finished",
                    "let it finish, or run it again with --resume");
  }
  if (!reader.layout().distributions) {
    throw bad_input(reader.path() + " holds no distributions",
                    "its job was run with --no-distributions", "give the file of a classifier");
  }
  bool const of_members =
      request.by == Criterion::epistemic || request.by == Criterion::disagreement;
  if (of_members && !reader.has("/uncertainty/" + request.name)) {
    throw bad_input(reader.path() + " cannot be ranked by " + request.name,
                    "it holds one model, and this is what several disagree about",
                    "make an ensemble with `fod ensemble`, or with `fod-generate --mc-dropout` or "
                    "several --model; or rank by entropy, margin or confidence");
  }
  if (request.labelled && !reader.layout().labels) {
    throw bad_input(reader.path() + " has no labels",
                    std::string("so ") + (*request.labelled ? "--labelled" : "--unlabelled") +
                        " tells nothing apart",
                    "leave the flag out, or run the job with --labels");
  }
}

} // namespace

Selection select_samples(store::ResultReader const& reader, SelectRequest const& request) {
  require_told(reader, request);
  bool const useful_is_high =
      request.by != Criterion::margin && request.by != Criterion::confidence;
  Best best(request, useful_is_high != request.least);
  RowReader const source(reader, request);
  Selection selection;
  selection.samples = reader.rows();
  selection.labels = reader.layout().labels;
  for (std::int64_t begin = 0; begin < reader.rows(); begin += source.piece()) {
    auto const rows = source.read({begin, std::min(reader.rows(), begin + source.piece())});
    for (std::size_t i = 0; i < rows.ids.size(); ++i) {
      Chosen sample{rows.ids[i], rows.scores[i], rows.predictions[i], {}};
      if (!rows.labels.empty() && rows.labels[i] >= 0) {
        sample.label = rows.labels[i];
      }
      if (std::binary_search(request.excluded.begin(), request.excluded.end(), sample.id)) {
        ++selection.excluded;
      } else if (rows.status[i] != static_cast<std::uint8_t>(RowStatus::good) ||
                 !std::isfinite(sample.score)) {
        ++selection.bad_rows;
      } else if (!request.labelled || *request.labelled == sample.label.has_value()) {
        ++selection.candidates;
        best.offer(sample);
      }
    }
  }
  best.tell(selection);
  selection.unknown = std::ssize(request.excluded) - selection.excluded;
  return selection;
}

} // namespace fod::app
