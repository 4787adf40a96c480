#include "portion.hpp"

#include "fod/error.hpp"
#include "fod/python.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <cmath>

namespace fod::metrics {

namespace {

constexpr std::int64_t portion_bytes = std::int64_t{16} << 20;
constexpr std::int64_t most_rows = 1 << 16;

bool all_finite(std::span<double const> values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

/// Files without rows have no shape to speak of.
void require_rows(store::ResultReader const& reader, std::string const& path, Shape const& shape) {
  if (reader.rows() > 0) {
    store::require_shape(reader, path, shape);
  }
}

void require_distributions(store::ResultReader const& reader) {
  if (!reader.complete()) {
    throw bad_input(reader.path() + " is not complete", "its job has not finished",
                    "let the job finish, or run it again with --resume");
  }
  if (!reader.layout().distributions) {
    throw bad_input(reader.path() + " holds no distributions",
                    "its job found groups of neurons alone (--no-distributions)",
                    "run fod-generate without --no-distributions");
  }
}

} // namespace

PortionReader::PortionReader(store::ResultReader const& reader, Request const& request)
    : reader_(reader), request_(request) {
  require_distributions(reader);
  require_rows(reader, "/distributions", {reader.rows(), reader.classes()});
  columns_.classes = static_cast<std::size_t>(reader.rows() > 0 ? reader.classes() : 0);
  columns_.decomposition = reader.layout().members > 1;
  open_labels();
  if (request.truth == "counts") {
    if (!columns_.votes) {
      throw bad_input("--truth counts needs annotators' counts",
                      reader.path() +
                          (columns_.labels ? " has class indices as labels" : " has no labels"),
                      "give counts (N,K) by --labels, or to fod-generate by its --labels");
    }
  } else if (!request.truth.empty()) {
    truth_ = open_truth(request.truth, reader);
  }
  columns_.truth = !request.truth.empty();
  open_arrays();
}

void PortionReader::open_labels() {
  auto const& layout = reader_.layout();
  if (!request_.labels.empty()) {
    if (python::is_python(request_.labels)) {
      throw bad_input("--labels " + request_.labels + " is Python", "fod runs none",
                      "save the labels, numpy.save('y.npy', labels)");
    }
    bool const of_part = !layout.explicit_ids && layout.is_part();
    labels_.emplace(request_.labels, of_part ? layout.grid.samples() : reader_.rows());
    labels_offset_ = of_part ? layout.samples().begin : 0;
    label_columns_ = labels_->counts();
  } else {
    label_columns_ = layout.label_counts;
  }
  columns_.labels = labels_.has_value() || layout.labels;
  columns_.votes = columns_.labels && label_columns_ > 0;
  if (columns_.votes && label_columns_ != reader_.classes() && reader_.rows() > 0) {
    throw bad_input("the labels are counts over " + counted(label_columns_, "class"),
                    reader_.path() + " has " + std::to_string(reader_.classes()),
                    "give counts with a column for each class");
  }
}

void PortionReader::open_arrays() {
  auto const classes = reader_.classes();
  if (request_.members) {
    if (!reader_.layout().keep_members) {
      throw bad_input(reader_.path() + " has no /members",
                      reader_.layout().members > 1 ? "they were not kept" : "it is of one model",
                      "run fod-generate with several --model or --mc-dropout, and --keep-members; "
                      "or give --vertices or --lower and --upper");
    }
    auto const members = reader_.layout().members;
    require_rows(reader_, "/members", {reader_.rows(), members, classes});
    columns_.members = static_cast<std::size_t>(members);
  }
  if (request_.lower.empty() != request_.upper.empty()) {
    throw bad_input("--lower and --upper belong together",
                    request_.lower.empty() ? "--lower is missing" : "--upper is missing",
                    "give both, arrays (N,K)");
  }
  if (!request_.lower.empty()) {
    lower_.emplace("--lower", request_.lower, Shape{classes}, reader_);
    upper_.emplace("--upper", request_.upper, Shape{classes}, reader_);
    columns_.bounds = true;
  }
  if (!request_.vertices.empty()) {
    vertices_.emplace("--vertices", request_.vertices, Shape{-1, classes}, reader_);
    columns_.vertices = static_cast<std::size_t>(vertices_->row()[0]);
  }
}

std::int64_t PortionReader::step() const {
  auto const per_class = 1 + columns_.members + columns_.vertices + (columns_.votes ? 2U : 0U) +
                         (columns_.truth ? 1U : 0U) + (columns_.bounds ? 2U : 0U);
  auto const row_bytes = static_cast<std::int64_t>(8 * (per_class * columns_.classes + 8));
  return std::clamp<std::int64_t>(portion_bytes / row_bytes, 1, most_rows);
}

void PortionReader::read_section(std::string const& path, std::vector<double>& out,
                                 std::size_t width, IndexRange rows) const {
  out.resize(static_cast<std::size_t>(rows.size()) * width);
  reader_.read(path, rows, ElementType::float64, out.data());
}

void PortionReader::read(IndexRange rows, Portion& portion) const {
  auto const count = static_cast<std::size_t>(rows.size());
  portion.columns = columns_;
  portion.rows = rows;
  portion.ids.resize(count);
  portion.status.resize(count);
  reader_.read("/sample_ids", rows, ElementType::int64, portion.ids.data());
  reader_.read("/row_status", rows, ElementType::uint8, portion.status.data());
  read_section("/distributions", portion.distributions, columns_.classes, rows);
  if (columns_.decomposition) {
    read_section("/uncertainty/aleatoric", portion.aleatoric, 1, rows);
    read_section("/uncertainty/epistemic", portion.epistemic, 1, rows);
    read_section("/uncertainty/disagreement", portion.disagreement, 1, rows);
  }
  if (columns_.members > 0) {
    read_section("/members", portion.members, columns_.members * columns_.classes, rows);
  }
  mark_nonfinite(portion);
  read_labels(portion);
  read_truth(portion);
  read_bounds(portion);
}

void PortionReader::mark_nonfinite(Portion& portion) const {
  for (std::size_t i = 0; i < portion.size(); ++i) {
    bool const finite = all_finite(portion.prediction(i)) &&
                        all_finite(row_of(portion.members, i, columns_.members * columns_.classes));
    if (portion.counts(i) && !finite) {
      portion.status[i] = static_cast<std::uint8_t>(RowStatus::nonfinite);
    }
  }
}

void PortionReader::read_labels(Portion& portion) const {
  if (!columns_.labels) {
    return;
  }
  auto const width = static_cast<std::size_t>(std::max<std::int64_t>(1, label_columns_));
  std::vector<std::int64_t> stored(portion.size() * width);
  IndexRange const rows{portion.rows.begin + labels_offset_, portion.rows.end + labels_offset_};
  if (labels_) {
    labels_->read(rows, stored);
  } else {
    reader_.read("/labels", portion.rows, ElementType::int64, stored.data());
  }
  portion.labels.resize(portion.size());
  portion.votes.assign(columns_.votes ? stored.size() : 0, 0);
  for (std::size_t i = 0; i < portion.size(); ++i) {
    auto const of_sample = std::span(stored).subspan(i * width, width);
    auto& label = portion.labels[i];
    label = columns_.votes ? majority(of_sample) : of_sample[0];
    if (label >= reader_.classes()) {
      throw bad_input("sample " + std::to_string(portion.ids[i]) + " has label " +
                          std::to_string(label),
                      reader_.path() + " has " + counted(reader_.classes(), "class"),
                      "give class indices counted from 0; a negative label means unknown");
    }
    double votes = 0;
    for (auto const count : of_sample) {
      votes += columns_.votes ? static_cast<double>(count) : 0;
    }
    for (std::size_t k = 0; votes > 0 && k < width; ++k) {
      portion.votes[i * width + k] = static_cast<double>(of_sample[k]) / votes;
    }
  }
}

void PortionReader::read_truth(Portion& portion) const {
  if (!columns_.truth) {
    return;
  }
  if (truth_ == nullptr) { // the votes
    portion.truth = portion.votes;
    portion.truth_known.resize(portion.size());
    std::transform(portion.labels.begin(), portion.labels.end(), portion.truth_known.begin(),
                   [](std::int64_t label) { return label >= 0 ? 1 : 0; });
    return;
  }
  portion.truth.resize(portion.distributions.size());
  portion.truth_known.resize(portion.size());
  truth_->read(portion.rows, portion.ids, portion.truth, portion.truth_known);
}

void PortionReader::read_bounds(Portion& portion) const {
  auto const refuse = [&](std::string const& what, std::size_t row, std::string const& why) {
    throw bad_input(what + " of sample " + std::to_string(portion.ids[row]) + " cannot be", why,
                    "correct the arrays");
  };
  if (vertices_) {
    auto const width = columns_.vertices * columns_.classes;
    portion.vertices.resize(portion.size() * width);
    vertices_->read(portion.rows, portion.vertices);
    for (std::size_t i = 0; i < portion.size(); ++i) {
      if (portion.counts(i) && !all_finite(row_of(portion.vertices, i, width))) {
        refuse(vertices_->name(), i, "a number is not finite");
      }
    }
  }
  if (!lower_) {
    return;
  }
  portion.lower.resize(portion.distributions.size());
  portion.upper.resize(portion.distributions.size());
  lower_->read(portion.rows, portion.lower);
  upper_->read(portion.rows, portion.upper);
  for (std::size_t j = 0; j < portion.lower.size(); ++j) {
    bool const ordered = portion.lower[j] <= portion.upper[j];
    bool const finite = std::isfinite(portion.lower[j]) && std::isfinite(portion.upper[j]);
    if (portion.counts(j / columns_.classes) && !(ordered && finite)) {
      refuse("the interval of class " + std::to_string(j % columns_.classes), j / columns_.classes,
             finite ? "its lower probability exceeds the upper" : "a bound is not finite");
    }
  }
}

} // namespace fod::metrics
