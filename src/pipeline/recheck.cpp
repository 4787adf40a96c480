#include "recheck.hpp"

#include "batch.hpp"
#include "figures.hpp"
#include "rows.hpp"

#include "fod/error.hpp"
#include "fod/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <iostream>
#include <iterator>
#include <random>

namespace fod {

namespace {

/// What rounding may do where devices or threads differ.
double tolerance_of(Precision precision) {
  return precision == Precision::fp32 ? 1e-5 : 2e-2;
}

/// Some batches of the file, ascending, the same on all ranks.
std::vector<IndexRange> choose(store::Layout const& layout, std::int64_t samples,
                               std::uint64_t seed) {
  auto const size = layout.grid.batch_size();
  auto const all = layout.samples();
  std::vector<IndexRange> batches;
  for (auto begin = all.begin; begin < all.end; begin += size) {
    batches.push_back({begin, std::min(all.end, begin + size)});
  }
  std::vector<IndexRange> chosen;
  std::mt19937_64 random(seed);
  std::sample(batches.begin(), batches.end(), std::back_inserter(chosen),
              (samples + size - 1) / size, random);
  return chosen;
}

/// What was found on a rank.
struct Differences {
  std::int64_t rows = 0;           ///< that were compared
  std::int64_t other_bytes = 0;    ///< rows that are not the same to the last bit
  double largest = 0;              ///< difference of two numbers
  std::vector<std::int64_t> wrong; ///< the first samples that differ by more than rounding
  std::int64_t wrong_rows = 0;
  std::string section; ///< of the first of them
};

/// Compares rows that were computed with those of a file.
class Comparison {
public:
  Comparison(Prepared const& job, store::ResultReader const& reader)
      : reader_(reader), sections_(store::sections(job.plan.layout)),
        tolerance_(tolerance_of(job.config.precision)) {
    for (auto const& section : sections_) {
      known_.push_back(reader.has(section.path));
    }
  }

  void begin(IndexRange samples) {
    samples_ = samples;
    bytes_.assign(static_cast<std::size_t>(samples.size()), false);
    wrong_.assign(bytes_.size(), {});
  }

  void take(std::size_t s, void const* computed) {
    auto const& section = sections_[s];
    if (!known_[s]) {
      return; // the file was made without it
    }
    auto const first = reader_.layout().samples().begin;
    auto const row_bytes = static_cast<std::size_t>(section.row_bytes());
    stored_.resize(bytes_.size() * row_bytes);
    reader_.read(section.path, {samples_.begin - first, samples_.end - first}, section.type,
                 stored_.data());
    auto const* fresh = static_cast<std::byte const*>(computed);
    for (std::size_t row = 0; row < bytes_.size(); ++row) {
      auto const* was = stored_.data() + row * row_bytes;
      auto const* is = fresh + row * row_bytes;
      if (std::memcmp(was, is, row_bytes) == 0) {
        continue;
      }
      bytes_[row] = true;
      if (wrong_[row].empty() && !near(section, was, is)) {
        wrong_[row] = section.path;
      }
    }
  }

  void end() {
    for (std::size_t row = 0; row < bytes_.size(); ++row) {
      ++found_.rows;
      found_.other_bytes += bytes_[row] ? 1 : 0;
      if (wrong_[row].empty()) {
        continue;
      }
      ++found_.wrong_rows;
      if (found_.wrong.size() < Totals::most_named) {
        found_.wrong.push_back(samples_.begin + static_cast<std::int64_t>(row));
      }
      found_.section = found_.section.empty() ? wrong_[row] : found_.section;
    }
  }

  [[nodiscard]] Differences const& found() const { return found_; }

private:
  /// Equal but for rounding. Of two classes that are as likely, either may be the prediction.
  bool near(store::Section const& section, std::byte const* was, std::byte const* is) {
    if (section.type != ElementType::float32) {
      return section.path == "/uncertainty/prediction";
    }
    bool all = true;
    for (std::size_t i = 0; i < static_cast<std::size_t>(section.row_bytes()); i += sizeof(float)) {
      float a = 0;
      float b = 0;
      std::memcpy(&a, was + i, sizeof a);
      std::memcpy(&b, is + i, sizeof b);
      if (std::isnan(a) && std::isnan(b)) {
        continue;
      }
      auto const difference = std::abs(static_cast<double>(a) - static_cast<double>(b));
      // Activations and logits have a scale of their own.
      auto const scale = std::max(1.0, static_cast<double>(std::abs(a)));
      all = all && difference <= tolerance_ * scale;
      found_.largest = std::max(found_.largest, std::isnan(difference) ? 0 : difference);
    }
    return all;
  }

  store::ResultReader const& reader_;
  std::vector<store::Section> sections_;
  double tolerance_;
  std::vector<bool> known_;
  IndexRange samples_;
  std::vector<bool> bytes_;        ///< by row: not the same bytes
  std::vector<std::string> wrong_; ///< by row: the section that differs by more than rounding
  std::vector<std::byte> stored_;
  Differences found_;
};

void require_same_layout(Prepared const& job, store::ResultReader const& reader) {
  auto const& file = reader.layout();
  auto const& here = job.plan.layout;
  auto const text = [](store::Layout const& layout) {
    return counted(layout.grid.samples(), "sample") + ", " + counted(layout.classes, "class") +
           ", " + counted(layout.members, "member");
  };
  if (file.grid != here.grid || file.classes != here.classes || file.members != here.members) {
    throw bad_input(reader.path() + " is of another model or dataset",
                    "it has " + text(file) + "; those given have " + text(here),
                    "give the model, the data and the flags that made it");
  }
}

/// Settings that differ explain rows that do. Not those of groups, which are not looked at.
std::vector<std::string> notes_of(Prepared const& job) {
  auto const of_rows = [](store::Settings settings) {
    auto const is = [](char const* name) {
      return [name](auto const& entry) { return entry.first == name; };
    };
    std::erase_if(settings, is(store::range_setting));
    settings.erase(std::find_if(settings.begin(), settings.end(), is(store::first_beyond_rows)),
                   settings.end());
    return settings;
  };
  std::vector<std::string> notes;
  auto was = of_rows(job.verified);
  auto const is = of_rows(job.facts.settings);
  for (auto differs = store::difference(was, is); differs; differs = store::difference(was, is)) {
    notes.push_back(differs->name + " was " + differs->first + ", and is " + differs->second);
    auto const& name = differs->name;
    std::erase_if(was, [&](auto const& entry) { return entry.first == name; });
    if (auto const now = store::find(is, name)) {
      was.emplace_back(name, *now);
    }
  }
  return notes;
}

/// One batch of the file, as the loop runs it.
void run_batch(Prepared& job, BatchRunner& runner, IndexRange samples, RowBuffer& rows) {
  Checksum data;
  std::vector<float const*> activations;
  job.inputs->fill(*job.model, samples, data);
  auto const results = runner.run(samples);
  mark_unreadable(results, samples, job.plan.layout, job.inputs->dataset.unreadable(samples));
  kept_activations(job, activations);
  rows.append(samples, results, job.inputs->stored_labels(samples), activations);
  rows.flush();
}

void say(Prepared const& job, Differences const& all, IndexRange samples) {
  std::cout << job.config.verify << ": " << grouped(all.rows) << " of "
            << counted(samples.size(), "sample") << " were computed again";
  if (all.other_bytes == 0) {
    std::cout << ", and all are the same to the last bit\n";
  } else {
    std::cout << "; " << grouped(all.other_bytes)
              << " are not the same to the last bit, but differ by " << all.largest
              << " at most, which is rounding\n";
  }
  for (auto const& note : notes_of(job)) {
    std::cout << "  " << note << "\n";
  }
  std::cout << std::flush;
}

} // namespace

void recheck(Prepared& job, Comm const& comm) {
  Differences mine;
  IndexRange samples;
  auto const seed = std::stoul(comm.broadcast(std::to_string(std::random_device()())));
  comm.agree([&] {
    store::ResultReader const reader(job.config.verify);
    require_same_layout(job, reader);
    samples = reader.layout().samples();
    Comparison comparison(job, reader);
    BatchRunner runner(job);
    RowBuffer rows(job.plan.layout, [&](std::size_t section, IndexRange, void const* data) {
      comparison.take(section, data);
    });
    auto const chosen = choose(reader.layout(), job.config.verify_samples, seed);
    auto const share = shard_of({0, std::ssize(chosen)}, comm.size(), comm.rank());
    for (auto i = share.begin; i < share.end; ++i) {
      auto const& batch = chosen[static_cast<std::size_t>(i)];
      comparison.begin(batch);
      run_batch(job, runner, batch, rows);
      comparison.end();
    }
    mine = comparison.found();
  });
  std::array<std::uint64_t, 3> sums{static_cast<std::uint64_t>(mine.rows),
                                    static_cast<std::uint64_t>(mine.other_bytes),
                                    static_cast<std::uint64_t>(mine.wrong_rows)};
  comm.all_sum(sums);
  auto all = mine;
  all.rows = static_cast<std::int64_t>(sums[0]);
  all.other_bytes = static_cast<std::int64_t>(sums[1]);
  all.wrong_rows = static_cast<std::int64_t>(sums[2]);
  all.largest = comm.all_max(mine.largest);
  all.wrong = first_named(mine.wrong, comm);
  for (auto const& section : comm.all_gather(mine.section)) {
    all.section = all.section.empty() ? section : all.section;
  }
  comm.on_root([&] {
    if (all.wrong_rows == 0) {
      say(job, all, samples);
      return;
    }
    auto const notes = notes_of(job);
    throw run_failure(
        grouped(all.wrong_rows) + " of " + counted(all.rows, "sample") + " that were computed " +
            "again are not as in " + job.config.verify + ": " + names_of(all.wrong, all.wrong_rows),
        notes.empty() ? all.section + " differs, though model, data and flags seem to be the same"
                      : joined(notes),
        "give the model, the data and the flags that made the file");
  });
}

} // namespace fod
