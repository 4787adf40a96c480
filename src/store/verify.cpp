#include "blocks.hpp"

#include "fod/error.hpp"
#include "fod/event_file.hpp"
#include "fod/layer_groups.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace fod::store {

namespace {

/// Collects defects; runs of neighbouring rows with the same defect become one.
class Findings {
public:
  explicit Findings(Verdict& verdict) : verdict_(verdict) {}

  void add(std::string const& section, IndexRange rows, std::string const& what) {
    if (!verdict_.defects.empty()) {
      auto& last = verdict_.defects.back();
      if (last.section == section && last.what == what && last.rows.end == rows.begin) {
        last.rows.end = rows.end;
        return;
      }
    }
    ++verdict_.defect_count;
    if (verdict_.defects.size() < verify_defect_limit) {
      verdict_.defects.push_back({section, rows, what});
    }
  }

private:
  Verdict& verdict_;
};

void check_row(Layout const& layout, std::int64_t row, std::span<double const> values,
               Findings& findings) {
  double sum = 0;
  bool negative = false;
  for (auto const value : values) {
    sum += value;
    negative = negative || value < -layout.sum_tolerance;
  }
  IndexRange const rows{row, row + 1};
  if (!std::isfinite(sum)) {
    findings.add("/distributions", rows, "not finite, and not marked so");
  } else if (negative) {
    findings.add("/distributions", rows, "a probability below 0");
  } else if (std::abs(sum - 1) > layout.sum_tolerance) {
    findings.add("/distributions", rows, "the sum is not 1");
  }
}

/// Checks what rows hold; what a status marks as not finite or unreadable is excused.
void check_rows(ResultReader const& reader, IndexRange rows, Findings& findings, Verdict& verdict) {
  auto const& layout = reader.layout();
  std::vector<std::uint8_t> status(static_cast<std::size_t>(rows.size()));
  reader.read("/row_status", rows, ElementType::uint8, status.data());
  auto const classes = static_cast<std::size_t>(layout.classes);
  std::vector<double> values(status.size() * classes);
  reader.read("/distributions", rows, ElementType::float64, values.data());
  for (std::size_t i = 0; i < status.size(); ++i) {
    auto const row = rows.begin + static_cast<std::int64_t>(i);
    if (status[i] == static_cast<std::uint8_t>(RowStatus::good)) {
      check_row(layout, row, std::span(values).subspan(i * classes, classes), findings);
    } else if (status[i] == static_cast<std::uint8_t>(RowStatus::nonfinite)) {
      ++verdict.nonfinite_rows;
    } else if (status[i] != static_cast<std::uint8_t>(RowStatus::unreadable)) {
      findings.add("/row_status", {row, row + 1}, "an unknown status");
    }
  }
}

void check_ids(Layout const& layout, IndexRange rows, std::int64_t const* ids, Findings& findings) {
  for (auto row = rows.begin; row < rows.end; ++row, ++ids) {
    if (*ids != layout.samples().begin + row) {
      findings.add("/sample_ids", {row, row + 1}, "the id is not the one of its row");
    }
  }
}

/// Ids of imported files may be any, but each only once.
void check_explicit_ids(std::vector<std::int64_t> const& ids, Findings& findings) {
  std::vector<std::size_t> order(ids.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return ids[a] != ids[b] ? ids[a] < ids[b] : a < b;
  });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (ids[order[i]] == ids[order[i - 1]]) {
      auto const row = static_cast<std::int64_t>(order[i]);
      findings.add("/sample_ids", {row, row + 1},
                   "the id " + std::to_string(ids[order[i]]) + " is there twice");
    }
  }
}

/// True if a section is there, of the right shape, with its bytes in this file.
bool is_there(ResultReader const& reader, Section const& section) {
  try {
    if (!reader.has(section.path)) {
      return false;
    }
    auto const dataset = reader.file().dataset(section.path);
    return dataset.shape() == shape_of(section, reader.layout()) && dataset.can_hold(reader.rows());
  } catch (Error const&) {
    return false;
  }
}

/// Texts of which HDF5 may have lost some without a word: it reads what a damaged heap lacks as "".
void check_texts(ResultReader const& reader, Findings& findings) {
  auto const rows = reader.rows();
  auto const check = [&](std::string const& path, auto const& is_right) {
    try {
      if (!is_right()) {
        findings.add(path, {0, rows}, "its text is damaged");
      }
    } catch (Error const& error) {
      findings.add(path, {0, rows}, error.what());
    }
  };
  for (auto const& ledger : reader.ledgers()) {
    check(names_of(ledger), [&] {
      auto const names = reader.file().read_texts(names_of(ledger));
      return std::equal(names.begin(), names.end(), ledger.sections.begin(), ledger.sections.end(),
                        [](auto const& name, auto const& section) { return name == section.path; });
    });
  }
  check("/meta", [&] { return reader.meta().starts_with('{'); });
}

/// Objects that must be there; without them nothing further can be read.
bool check_objects(ResultReader const& reader, Findings& findings) {
  auto const& layout = reader.layout();
  auto const rows = layout.samples().size();
  bool all_there = true;
  auto const require = [&](std::string const& path, bool right) {
    if (!right) {
      findings.add(path, {0, rows}, "missing, or not of the file's shape");
      all_there = false;
    }
  };
  for (auto const& ledger : reader.ledgers()) {
    for (auto const& section : ledger.sections) {
      require(section.path, is_there(reader, section));
    }
    for (auto const& path : {done_of(ledger), checksums_of(ledger), names_of(ledger)}) {
      require(path, reader.has(path));
    }
  }
  for (auto const* path : {"/meta", "/provenance"}) {
    require(path, reader.has(path));
  }
  return all_there;
}

/// Reads what a ledger guards, and compares it with the checksums on record.
template <class Inspect>
void check_blocks(ResultReader const& reader, Ledger const& ledger, Inspect const& inspect,
                  Findings& findings) {
  auto const& layout = reader.layout();
  BlockScanner scanner(reader, ledger);
  for (auto block = layout.blocks.begin; block < layout.blocks.end; ++block) {
    auto const samples = layout.grid.samples_of(block);
    IndexRange const rows{samples.begin - layout.samples().begin,
                          samples.end - layout.samples().begin};
    if (!scanner.done(block)) {
      findings.add(done_of(ledger), rows, "not done");
      continue;
    }
    auto const digests =
        scanner.scan(block, [&](std::size_t s, IndexRange part, std::byte const* data) {
          inspect(scanner.section(s).path, part, data);
        });
    for (std::size_t s = 0; s < digests.size(); ++s) {
      if (digests[s] != scanner.recorded(block, s)) {
        findings.add(scanner.section(s).path, rows, "the checksum differs");
      }
    }
  }
}

/// What is said of groups must be readable, and their activity per sample guarded.
void check_groups(ResultReader const& reader, Findings& findings) {
  auto const rows = reader.layout().samples().size();
  try {
    for (auto const& layer : read_layers(reader.file())) {
      auto const center = groups_path(layer.layer) + "/group_center";
      if (reader.has(center) && reader.ledgers().size() < 2) {
        findings.add(center, {0, rows}, "no ledger guards it");
      }
    }
    for (auto const& layer : layers_with_sums(reader.file())) {
      static_cast<void>(read_sums(reader.file(), layer));
    }
    static_cast<void>(read_events_summary(reader.file()));
  } catch (Error const& error) {
    findings.add("/groups", {0, rows}, error.what());
  }
}

} // namespace

Verdict verify(ResultReader const& reader) {
  Verdict verdict;
  Findings findings(verdict);
  auto const& layout = reader.layout();
  verdict.rows = layout.samples().size();
  if (!reader.complete()) {
    findings.add("/", {0, verdict.rows}, "not complete: the attribute `complete` is not set");
  }
  if (!check_objects(reader, findings)) {
    return verdict;
  }
  check_texts(reader, findings);
  std::vector<std::int64_t> explicit_ids;
  auto const inspect = [&](std::string const& section, IndexRange rows, std::byte const* data) {
    auto const* ids = reinterpret_cast<std::int64_t const*>(data);
    if (section == "/distributions") {
      check_rows(reader, rows, findings, verdict);
    } else if (section == "/sample_ids" && layout.explicit_ids) {
      explicit_ids.insert(explicit_ids.end(), ids, std::next(ids, rows.size()));
    } else if (section == "/sample_ids") {
      check_ids(layout, rows, ids, findings);
    }
  };
  for (auto const& ledger : reader.ledgers()) {
    check_blocks(reader, ledger, inspect, findings);
  }
  check_groups(reader, findings);
  check_explicit_ids(explicit_ids, findings);
  return verdict;
}

} // namespace fod::store
