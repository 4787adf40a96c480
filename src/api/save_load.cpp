#include "fod/distributions.hpp"

#include "../json/convert/document.hpp"
#include "../json/convert/new_file.hpp"

#include "fod/error.hpp"
#include "fod/json.hpp"
#include "fod/output_claim.hpp"
#include "fod/output_file.hpp"
#include "fod/result.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fod {

namespace {

constexpr std::int64_t rows_at_once = 4096;

/// `save` or `load` for the ending.
template <class Json, class Hdf5>
auto by_ending(std::string const& path, Json json, Hdf5 hdf5) {
  if (path.ends_with(".json")) {
    return json();
  }
  if (path.ends_with(".h5") || path.ends_with(".hdf5")) {
    return hdf5();
  }
  throw bad_input("distributions are not kept in " + path, "its ending names no known format",
                  "end it in .json or .h5");
}

void save_json(std::string const& path, Distributions const& all, bool overwrite) {
  json::Output out(path, overwrite);
  std::string text = "{\"meta\": " + all.meta() + ", \"distributions\": {";
  auto const row_bytes =
      static_cast<std::size_t>(all.classes()) * json::number_bytes + json::number_room;
  std::vector<char> numbers(row_bytes);
  constexpr std::size_t enough = std::size_t{1} << 20;
  for (std::int64_t row = 0; row < all.size(); ++row) {
    auto const* const end = json::write_list(numbers.data(), all.row(row), json::Digits::float64);
    text += row > 0 ? ", \"" : "\"";
    text += std::to_string(all.ids()[static_cast<std::size_t>(row)]) + "\": [";
    text.append(numbers.data(), static_cast<std::size_t>(end - numbers.data()));
    text += ']';
    if (text.size() >= enough) {
      out.write(text);
      text.clear();
    }
  }
  out.write(text + "}}");
  out.sync();
  out.commit();
}

void save_hdf5(std::string const& path, Distributions const& all, bool overwrite) {
  store::OutputClaim const claim(path, {overwrite, false});
  json::NewFile const file{all.size(), all.classes(),        ElementType::float32,
                           all.meta(), "save_distributions", {}};
  json::write_new_file(path, file, [&](json::RowWriter& rows) {
    json::RowBatch batch;
    batch.classes = all.classes();
    for (std::int64_t row = 0; row < all.size(); ++row) {
      auto const values = all.row(row);
      std::vector<double> const wide(values.begin(), values.end());
      bool const finite =
          std::all_of(wide.begin(), wide.end(), [](double v) { return std::isfinite(v); });
      batch.add(all.ids()[static_cast<std::size_t>(row)], wide, finite);
      if (batch.rows() == rows_at_once || row + 1 == all.size()) {
        rows.add(batch);
        batch.clear();
      }
    }
  });
}

Distributions load_json(std::string const& path) {
  Distributions all;
  std::vector<float> row;
  auto const add = [&](std::int64_t id, auto const& values) {
    row.assign(values.size(), 0.0F);
    std::ranges::transform(values, row.begin(), [](auto v) { return static_cast<float>(v); });
    all.add(id, row);
  };
  json::Document document(path, 1);
  document.on_finding = [&](std::string const& finding) {
    throw bad_input(path + " holds what is no distribution", finding,
                    "see `fod import`, which lists all that is wrong");
  };
  document.on_row = [&](json::DocumentRow const& found) { add(found.id, found.values); };
  document.on_batch = [&](json::RowBatch&& batch) {
    auto const width = static_cast<std::size_t>(batch.classes);
    for (std::size_t i = 0; i < batch.ids.size(); ++i) {
      if (batch.narrow) {
        add(batch.ids[i], std::span(batch.values32).subspan(i * width, width));
      } else {
        add(batch.ids[i], std::span(batch.values64).subspan(i * width, width));
      }
    }
  };
  document.walk();
  all.set_meta(document.meta());
  return all;
}

Distributions load_hdf5(std::string const& path) {
  ResultReader const reader(path);
  if (reader.classes() == 0 && reader.size() > 0) {
    throw bad_input(path + " holds no distributions", "it was made with --no-distributions",
                    "run the job without that flag");
  }
  Distributions all(reader.classes());
  all.reserve(reader.size());
  reader.for_each_portion(rows_at_once, [&](ResultReader::Portion const& portion) {
    auto const status = reader.section("/row_status", portion.rows);
    auto const width = static_cast<std::size_t>(reader.classes());
    for (std::size_t i = 0; i < portion.ids.size(); ++i) {
      if (static_cast<RowStatus>(status[i]) != RowStatus::unreadable) {
        all.add(portion.ids[i], portion.distributions.subspan(i * width, width));
      }
    }
  });
  all.set_meta(reader.meta());
  return all;
}

} // namespace

void save_distributions(std::string const& path, Distributions const& distributions,
                        bool overwrite) {
  by_ending(
      path, [&] { save_json(path, distributions, overwrite); },
      [&] { save_hdf5(path, distributions, overwrite); });
}

Distributions load_distributions(std::string const& path) {
  return by_ending(
      path, [&] { return load_json(path); }, [&] { return load_hdf5(path); });
}

} // namespace fod
