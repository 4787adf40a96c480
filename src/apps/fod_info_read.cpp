#include "fod_columns.hpp"
#include "fod_info.hpp"

#include "fod/error.hpp"
#include "fod/json.hpp"

#include <algorithm>
#include <cmath>

namespace fod::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t piece_rows = std::int64_t{1} << 18;

bool more_uncertain(UncertainSample const& a, UncertainSample const& b) {
  return a.entropy != b.entropy ? a.entropy > b.entropy : a.id < b.id;
}

/// The figures of rows, piece by piece.
class Figures {
public:
  Figures(store::ResultReader const& reader, std::size_t top)
      : reader_(reader), uncertainty_(reader.has("/uncertainty/entropy")),
        labels_(reader.has("/labels")), top_(top),
        class_counts_(static_cast<std::size_t>(reader.classes())) {}

  void add(IndexRange rows) {
    auto const ids = column<std::int64_t>(reader_, "/sample_ids", ElementType::int64, rows);
    for (auto const id : ids) {
      ids_ = rows_ == 0 ? IndexRange{id, id + 1}
                        : IndexRange{std::min(ids_.begin, id), std::max(ids_.end, id + 1)};
      ++rows_;
    }
    if (uncertainty_) {
      add_uncertainty(rows, ids);
    }
  }

  void tell(Inside& inside) const {
    inside.samples_done = rows_;
    inside.ids = ids_;
    if (good_ > 0) {
      inside.metrics["mean_entropy"] = entropy_ / static_cast<double>(good_);
      inside.metrics["mean_confidence"] = confidence_ / static_cast<double>(good_);
    }
    if (labelled_ > 0) {
      inside.metrics["accuracy"] = static_cast<double>(correct_) / static_cast<double>(labelled_);
    }
    inside.labels = labels_;
    if (uncertainty_) {
      inside.class_counts = class_counts_;
    }
    inside.most_uncertain = most_uncertain_;
  }

private:
  void add_uncertainty(IndexRange rows, std::vector<std::int64_t> const& ids) {
    auto const status = column<std::uint8_t>(reader_, "/row_status", ElementType::uint8, rows);
    auto const entropy = column<float>(reader_, "/uncertainty/entropy", ElementType::float32, rows);
    auto const confidence =
        column<float>(reader_, "/uncertainty/confidence", ElementType::float32, rows);
    auto const prediction =
        column<std::int32_t>(reader_, "/uncertainty/prediction", ElementType::int32, rows);
    std::vector<std::int64_t> labels;
    if (labels_) {
      labels = labels_of(reader_, rows);
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      bool const good = status[i] == static_cast<std::uint8_t>(RowStatus::good);
      if (good && std::isfinite(entropy[i])) {
        UncertainSample sample{ids[i], entropy[i], confidence[i], prediction[i], {}};
        if (labels_ && labels[i] >= 0) {
          sample.label = labels[i];
        }
        add(sample);
      }
    }
  }

  void add(UncertainSample const& sample) {
    ++good_;
    entropy_ += static_cast<double>(sample.entropy);
    confidence_ += static_cast<double>(sample.confidence);
    if (sample.prediction >= 0 && sample.prediction < std::ssize(class_counts_)) {
      ++class_counts_[static_cast<std::size_t>(sample.prediction)];
    }
    labelled_ += sample.label ? 1 : 0;
    correct_ += sample.label == sample.prediction ? 1 : 0;
    auto& most = most_uncertain_;
    if (most.size() < top_ || (top_ > 0 && more_uncertain(sample, most.back()))) {
      most.insert(std::upper_bound(most.begin(), most.end(), sample, more_uncertain), sample);
      most.resize(std::min(most.size(), top_));
    }
  }

  store::ResultReader const& reader_;
  bool uncertainty_;
  bool labels_;
  std::size_t top_;
  std::int64_t rows_ = 0;
  IndexRange ids_;
  std::int64_t good_ = 0;
  std::int64_t labelled_ = 0;
  std::int64_t correct_ = 0;
  double entropy_ = 0;
  double confidence_ = 0;
  std::vector<std::int64_t> class_counts_;
  std::vector<UncertainSample> most_uncertain_;
};

/// Which blocks of the file are done; all of a complete one.
std::vector<std::uint8_t> done_blocks(store::ResultReader const& reader) {
  auto const blocks = reader.layout().blocks.size();
  std::vector<std::uint8_t> done(static_cast<std::size_t>(blocks), 1);
  auto const marks = reader.file().dataset("/ledger/done");
  if (!reader.complete() && marks.shape() == Shape{blocks}) {
    marks.read({0, blocks}, ElementType::uint8, done.data());
  }
  return done;
}

/// Runs of rows whose blocks are done, each at most a piece long.
template <class Visit>
void for_done_rows(store::ResultReader const& reader, std::vector<std::uint8_t> const& done,
                   Visit visit) {
  auto const& layout = reader.layout();
  auto const first = layout.samples().begin;
  IndexRange run;
  for (auto block = layout.blocks.begin; block < layout.blocks.end; ++block) {
    if (done[static_cast<std::size_t>(block - layout.blocks.begin)] == 0) {
      continue;
    }
    auto const samples = layout.grid.samples_of(block);
    IndexRange const rows{samples.begin - first, samples.end - first};
    if (rows.begin != run.end || rows.end - run.begin > piece_rows) {
      visit(run);
      run.begin = rows.begin;
    }
    run.end = rows.end;
  }
  visit(run);
}

void read_metrics(store::ResultReader const& reader, Inside& inside) {
  if (!reader.has("/metrics")) {
    return;
  }
  for (auto const& name : reader.file().attribute_names("/metrics")) {
    auto const value = reader.file().attribute("/metrics", name);
    if (auto const* number = std::get_if<double>(&value)) {
      inside.metrics[name] = *number;
    } else if (auto const* whole = std::get_if<std::int64_t>(&value)) {
      inside.metrics[name] = static_cast<double>(*whole);
    }
  }
}

std::string meta_of(store::ResultReader const& reader) {
  try {
    return json::canonical(reader.meta());
  } catch (Error const& error) {
    throw error.within(reader.path() + ":/meta");
  }
}

} // namespace

Inside look_inside(store::ResultReader const& reader, std::size_t top) {
  Inside inside;
  inside.path = reader.path();
  inside.complete = reader.complete();
  inside.shard = reader.layout().shard;
  inside.shards = reader.layout().shards;
  inside.samples = reader.rows();
  inside.classes = reader.classes();
  inside.blocks = reader.layout().blocks.size();
  for (auto const& ledger : reader.ledgers()) {
    for (auto const& section : ledger.sections) {
      if (reader.has(section.path)) {
        auto const dataset = reader.file().dataset(section.path);
        inside.sections.push_back({section.path, dataset.type(), dataset.shape()});
      }
    }
  }
  auto const done = done_blocks(reader);
  inside.blocks_done = std::count(done.begin(), done.end(), std::uint8_t{1});
  Figures figures(reader, top);
  for_done_rows(reader, done, [&](IndexRange rows) { figures.add(rows); });
  figures.tell(inside);
  read_metrics(reader, inside);
  inside.meta = meta_of(reader);
  inside.provenance = Json::parse(store::read_provenance(reader.file()));
  return inside;
}

} // namespace fod::app
