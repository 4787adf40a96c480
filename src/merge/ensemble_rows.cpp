#include "ensemble_rows.hpp"

#include "ensemble_source.hpp"

#include "fod/error.hpp"
#include "fod/progress.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace fod {

namespace {

/// Of the members of the rows that are in memory at a time.
constexpr std::int64_t piece_bytes = std::int64_t{8} << 20;
/// Marks of blocks are kept in memory until the rows are on the disk.
constexpr std::int64_t checkpoint_bytes = std::int64_t{1} << 30;

/// Memory for rows.
template <class Real>
class Rows {
public:
  Rows(std::int64_t rows, std::int64_t classes)
      : distributions_(size(rows * classes)), entropy_(size(rows)), confidence_(size(rows)),
        prediction_(size(rows)), flags_(size(rows)) {}

  [[nodiscard]] RowsView<Real> view() {
    return {distributions_.data(), entropy_.data(), confidence_.data(),
            prediction_.data(),    flags_.data(),   nullptr};
  }

private:
  static std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

  std::vector<Real> distributions_;
  std::vector<float> entropy_;
  std::vector<float> confidence_;
  std::vector<std::int32_t> prediction_;
  std::vector<std::uint8_t> flags_;
};

template <class Real>
class Joiner {
public:
  Joiner(std::vector<EnsembleInput> const& inputs, store::Layout const& layout,
         store::ResultWriter& writer)
      : inputs_(inputs), layout_(layout), writer_(writer), sections_(store::sections(layout)),
        weights_(all_weights(inputs)),
        piece_(std::clamp<std::int64_t>(
            piece_bytes / std::max<std::int64_t>(1, layout.members * layout.classes *
                                                        static_cast<std::int64_t>(sizeof(Real))),
            1, layout.grid.block_size())),
        members_(layout.members * piece_, layout.classes), mean_(piece_, layout.classes),
        aleatoric_(count()), epistemic_(count()), disagreement_(count()), ids_(count()),
        status_(count()) {
    for (auto const& input : inputs) {
      sources_.emplace_back(input);
    }
  }

  /// Rows from one to the next, at most so many at a time.
  [[nodiscard]] std::int64_t piece() const { return piece_; }

  /// @param rows of the result, not more than a piece
  void run(IndexRange rows) {
    auto view = members_.view();
    for (auto& source : sources_) {
      source.next(rows.size());
      source.put(view, piece_);
      auto const more = piece_ * source.members();
      view = {view.distributions + more * layout_.classes,
              view.entropy + more,
              view.confidence + more,
              view.prediction + more,
              view.flags + more,
              nullptr};
    }
    EnsembleViewOf<Real> const joined{mean_.view(), aleatoric_.data(), epistemic_.data(),
                                      disagreement_.data()};
    host::ensemble(members_.view(),
                   {rows.size(), layout_.classes, layout_.members, piece_, weights_.data()},
                   joined);
    judge(rows.size(), joined);
    put_labels(rows.size());
    write(rows, joined);
  }

  [[nodiscard]] store::BlockFacts facts(std::int64_t block) const {
    return sources_.front().facts(block);
  }

private:
  [[nodiscard]] std::size_t count() const { return static_cast<std::size_t>(piece_); }

  /// Ids and status; what could not be read by one model is not told by the others.
  void judge(std::int64_t rows, EnsembleViewOf<Real> const& joined) {
    for (std::int64_t row = 0; row < rows; ++row) {
      auto const at = static_cast<std::size_t>(row);
      bool const unreadable =
          std::any_of(sources_.begin(), sources_.end(), [&](MemberRows const& source) {
            return source.status(row) == RowStatus::unreadable;
          });
      bool const finite = (joined.mean.flags[row] & row_nonfinite) == 0;
      ids_[at] = sources_.front().id(row);
      auto const status = unreadable ? RowStatus::unreadable
                          : finite   ? RowStatus::good
                                     : RowStatus::nonfinite;
      status_[at] = static_cast<std::uint8_t>(status);
      if (unreadable) {
        blank(joined.mean.distributions, row);
        for (std::int64_t member = 0; member < layout_.members; ++member) {
          blank(members_.view().distributions, member * piece_ + row);
        }
      }
    }
  }

  void blank(Real* distributions, std::int64_t row) const {
    std::fill_n(distributions + row * layout_.classes, layout_.classes,
                std::numeric_limits<Real>::quiet_NaN());
  }

  void put_labels(std::int64_t rows) {
    labels_.clear();
    for (std::int64_t row = 0; layout_.labels && row < rows; ++row) {
      std::size_t source = 0;
      while (sources_[source].label(row).empty()) {
        ++source;
      }
      auto const label = sources_[source].label(row);
      for (auto other = source + 1; other < sources_.size(); ++other) {
        auto const same = sources_[other].label(row);
        if (!same.empty() && !std::equal(label.begin(), label.end(), same.begin())) {
          refuse_labels(source, other, row);
        }
      }
      labels_.insert(labels_.end(), label.begin(), label.end());
    }
  }

  [[noreturn]] void refuse_labels(std::size_t one, std::size_t other, std::int64_t row) const {
    auto const text = [&](std::size_t source) {
      auto const label = sources_[source].label(row);
      std::string values;
      for (auto const value : label) {
        values += (values.empty() ? "" : " ") + std::to_string(value);
      }
      return values + " in " + inputs_[source].path();
    };
    throw bad_input(inputs_[one].path() + " and " + inputs_[other].path() + " have other labels",
                    "that of sample " + std::to_string(sources_[one].id(row)) + " is " + text(one) +
                        ", and " + text(other),
                    "give files that were made with the same labels, or without any");
  }

  void write(IndexRange rows, EnsembleViewOf<Real> const& joined) {
    std::map<std::string, void const*> const columns{
        {"/distributions", joined.mean.distributions},
        {"/sample_ids", ids_.data()},
        {"/row_status", status_.data()},
        {"/uncertainty/entropy", joined.mean.entropy},
        {"/uncertainty/confidence", joined.mean.confidence},
        {"/uncertainty/prediction", joined.mean.prediction},
        {"/uncertainty/aleatoric", joined.aleatoric},
        {"/uncertainty/epistemic", joined.epistemic},
        {"/uncertainty/disagreement", joined.disagreement},
        {"/labels", labels_.data()},
        {"/members", layout_.keep_members ? by_sample(rows.size()) : nullptr}};
    for (std::size_t s = 0; s < sections_.size(); ++s) {
      writer_.write(s, rows, columns.at(sections_[s].path));
    }
  }

  /// The file has the members of a sample together.
  Real const* by_sample(std::int64_t rows) {
    by_sample_.resize(static_cast<std::size_t>(rows * layout_.members * layout_.classes));
    auto const* from = members_.view().distributions;
    auto* to = by_sample_.data();
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t member = 0; member < layout_.members; ++member) {
        to = std::copy_n(from + (member * piece_ + row) * layout_.classes, layout_.classes, to);
      }
    }
    return by_sample_.data();
  }

  std::vector<EnsembleInput> const& inputs_;
  store::Layout const& layout_;
  store::ResultWriter& writer_;
  std::vector<store::Section> sections_;
  std::vector<double> weights_;
  std::int64_t piece_;
  std::vector<MemberRows> sources_;
  Rows<Real> members_;
  Rows<Real> mean_;
  std::vector<float> aleatoric_;
  std::vector<float> epistemic_;
  std::vector<float> disagreement_;
  std::vector<std::int64_t> ids_;
  std::vector<std::uint8_t> status_;
  std::vector<std::int64_t> labels_;
  std::vector<Real> by_sample_;
};

template <class Real>
void join(std::vector<EnsembleInput> const& inputs, store::Layout const& layout,
          store::ResultWriter& writer, std::optional<bool> progress) {
  Joiner<Real> joiner(inputs, layout, writer);
  Progress shown("fod ensemble", layout.samples().size(), progress);
  auto const first = layout.samples().begin;
  std::int64_t since = 0; // bytes
  for (auto block = layout.blocks.begin; block < layout.blocks.end; ++block) {
    auto const samples = layout.grid.samples_of(block);
    for (auto begin = samples.begin; begin < samples.end; begin += joiner.piece()) {
      auto const end = std::min(samples.end, begin + joiner.piece());
      joiner.run({begin - first, end - first});
      shown.show(end - first);
    }
    writer.complete_block(block, joiner.facts(block));
    since +=
        samples.size() * layout.members * layout.classes * static_cast<std::int64_t>(sizeof(Real));
    if (since >= checkpoint_bytes) {
      writer.checkpoint();
      since = 0;
    }
  }
  shown.end(layout.samples().size());
}

} // namespace

void join_rows(std::vector<EnsembleInput> const& inputs, store::Layout const& layout,
               store::ResultWriter& writer, std::optional<bool> progress) {
  if (layout.distribution_type == ElementType::float64) {
    join<double>(inputs, layout, writer, progress);
  } else {
    join<float>(inputs, layout, writer, progress);
  }
}

} // namespace fod
